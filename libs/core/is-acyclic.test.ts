import fc from "fast-check";
import { expect, test } from "vitest";
import { findCycles } from "./cycles.ts";
import { buildGraph } from "./graph.ts";
import { isAcyclic } from "./is-acyclic.ts";

test("agrees with the search that names the cycles", () => {
  const edges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 });
  fc.assert(
    fc.property(edges, (pairs) => {
      const nodes = Array.from({ length: 8 }, (_, place) => ({
        parents: pairs.filter(([child]) => child === place).map(([, task]) => ({ task, on: "success" as const })),
      }));
      const graph = buildGraph(nodes);
      expect(isAcyclic(graph)).toBe(findCycles(graph).length === 0);
    }),
    { numRuns: 2000 },
  );
});

test("a graph without tasks is acyclic", () => {
  expect(isAcyclic(buildGraph([]))).toBe(true);
});
