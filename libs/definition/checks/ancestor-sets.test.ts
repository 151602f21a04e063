import fc from "fast-check";
import { expect, test } from "vitest";
import { ancestorsOf } from "#core/reachability.ts";
import { buildGraph } from "#core/graph.ts";
import { createAncestorSets } from "./ancestor-sets.ts";

test("agrees with the graph's own search on random graphs", () => {
  const graphs = fc.array(fc.uniqueArray(fc.nat(60), { maxLength: 4 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(graphs, (wanted) => {
      const nodes = wanted.map((parents, task) => ({
        parents: parents.filter((parent) => parent < task).map((parent) => ({ task: parent, on: "success" as const })),
      }));
      const graph = buildGraph(nodes);
      const sets = createAncestorSets(graph);
      for (let task = 0; task < nodes.length; task += 1) {
        const above = ancestorsOf(graph, task);
        for (let other = 0; other < nodes.length; other += 1) {
          expect(sets.isAncestor(other, task)).toBe(above.has(other));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("says nothing about tasks on or behind a cycle", () => {
  const on = "success" as const;
  const graph = buildGraph([
    { parents: [{ task: 1, on }] },
    { parents: [{ task: 0, on }] },
    { parents: [{ task: 1, on }] },
  ]);
  expect(createAncestorSets(graph).isAncestor(0, 2)).toBeNull();
});
