import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ancestorsOf, withDescendants } from "./reachability.ts";
import {
  buildGraph,
  childEdges,
  computeLayers,
  type EdgeCondition,
  type Graph,
  type GraphNode,
  parentCount,
  parentEdges,
} from "./graph.ts";

/** Nodes from lists of parents. */
function nodesOf(parents: readonly (readonly number[])[]): readonly GraphNode[] {
  return parents.map((list) => ({ parents: list.map((task) => ({ task, on: "success" as const })) }));
}

function graphOf(...parents: readonly (readonly number[])[]): Graph {
  return buildGraph(nodesOf(parents));
}

interface Edge {
  readonly parent: number;
  readonly child: number;
  readonly on: EdgeCondition;
}

/** Any edges between up to 12 tasks, cycles included, each pair once. */
const arbitraryEdges = fc.integer({ min: 1, max: 12 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    edges: fc.uniqueArray(
      fc.record({
        parent: fc.nat(size - 1),
        child: fc.nat(size - 1),
        on: fc.constantFrom<EdgeCondition>("success", "failure", "completion"),
      }),
      { selector: ({ parent, child }) => `${parent} ${child}`, maxLength: 30 },
    ),
  }),
);

/** Only edges that go up in number, then all numbers changed for others, so that order tells nothing. */
const arbitraryAcyclic = arbitraryEdges.chain(({ size, edges }) =>
  fc
    .shuffledSubarray(
      Array.from({ length: size }, (_, task) => task),
      { minLength: size },
    )
    .map((names) => ({
      size,
      edges: edges
        .filter(({ parent, child }) => parent < child)
        .map(({ parent, child, on }): Edge => ({ parent: names[parent] ?? 0, child: names[child] ?? 0, on })),
    })),
);

function build({ size, edges }: { readonly size: number; readonly edges: readonly Edge[] }): Graph {
  const nodes = Array.from({ length: size }, (_, task) => ({
    parents: edges.filter(({ child }) => child === task).map(({ parent, on }) => ({ task: parent, on })),
  }));
  return buildGraph(nodes);
}

/** Reachability by squaring the relation until it stays. */
function reachable(size: number, edges: readonly Edge[]): readonly (readonly boolean[])[] {
  const reach = Array.from({ length: size }, (_, from) =>
    Array.from({ length: size }, (_, to) => edges.some(({ parent, child }) => parent === from && child === to)),
  );
  for (let via = 0; via < size; via += 1) {
    for (const row of reach) if (row[via]) reach[via]?.forEach((reaches, to) => (row[to] ||= reaches));
  }
  return reach;
}

describe("buildGraph", () => {
  test("keeps every edge with its condition from both ends, children in the order of definition", () => {
    fc.assert(
      fc.property(arbitraryEdges, (given) => {
        const graph = build(given);
        const all = Array.from({ length: given.size }, (_, task) => task);
        const down = all.flatMap((parent) =>
          [...childEdges(graph, parent)].map(({ task, on }) => ({ parent, child: task, on })),
        );
        const up = all.flatMap((child) =>
          [...parentEdges(graph, child)].map(({ task, on }) => ({ parent: task, child, on })),
        );
        expect(down).toHaveLength(given.edges.length);
        expect(new Set(down.map((edge) => JSON.stringify(edge)))).toEqual(
          new Set(given.edges.map((edge) => JSON.stringify(edge))),
        );
        expect(up.map((edge) => JSON.stringify(edge)).toSorted()).toEqual(
          down.map((edge) => JSON.stringify(edge)).toSorted(),
        );
        for (const task of all) {
          const children = [...childEdges(graph, task)].map((edge) => edge.task);
          expect(children).toEqual(children.toSorted((a, b) => a - b));
          expect(parentCount(graph, task)).toBe(given.edges.filter(({ child }) => child === task).length);
        }
      }),
    );
  });

  test("of nothing is empty", () => {
    const graph = buildGraph([]);
    expect(graph.size).toBe(0);
    expect(computeLayers(graph)).toEqual([]);
  });
});

describe("computeLayers", () => {
  test("puts each task right after the last of its parents", () => {
    expect(computeLayers(graphOf([], [0], [0], [1, 2], [0, 3]))).toEqual([[0], [1, 2], [3], [4]]);
  });

  test("gives each task the length of the longest way to it", () => {
    fc.assert(
      fc.property(arbitraryAcyclic, (given) => {
        const layers = computeLayers(build(given));
        const depth = (task: number): number =>
          Math.max(0, ...given.edges.filter(({ child }) => child === task).map(({ parent }) => depth(parent) + 1));
        layers.forEach((layer, place) => expect(layer.map(depth)).toEqual(layer.map(() => place)));
        expect(layers.flat()).toHaveLength(given.size);
      }),
    );
  });

  test("leaves out what lies on or behind a cycle", () => {
    fc.assert(
      fc.property(arbitraryEdges, (given) => {
        const reach = reachable(given.size, given.edges);
        const isCyclic = (task: number): boolean => reach[task]?.[task] ?? false;
        const all = Array.from({ length: given.size }, (_, task) => task);
        const free = all.filter(
          (task) => !isCyclic(task) && !all.some((other) => isCyclic(other) && reach[other]?.[task]),
        );
        expect(
          computeLayers(build(given))
            .flat()
            .toSorted((a, b) => a - b),
        ).toEqual(free);
      }),
    );
  });
});

test("descendants and ancestors are what a plain search finds", () => {
  fc.assert(
    fc.property(arbitraryEdges, fc.array(fc.nat(), { maxLength: 3 }), (given, picks) => {
      const graph = build(given);
      const reach = reachable(given.size, given.edges);
      const all = Array.from({ length: given.size }, (_, task) => task);
      const starts = picks.map((pick) => pick % given.size);
      const below = all.filter((task) => starts.includes(task) || starts.some((start) => reach[start]?.[task]));
      expect(withDescendants(graph, starts)).toEqual(new Set(below));
      for (const task of all) {
        const above = all.filter((other) => reach[other]?.[task]);
        expect(ancestorsOf(graph, task)).toEqual(new Set(above));
      }
    }),
  );
});

test("10,000 tasks in a row and 10,000 side by side are ordinary", () => {
  const size = 10_000;
  const chain = buildGraph(nodesOf(Array.from({ length: size }, (_, task) => (task === 0 ? [] : [task - 1]))));
  expect(computeLayers(chain)).toHaveLength(size);
  expect(withDescendants(chain, [0]).size).toBe(size);
  expect(ancestorsOf(chain, size - 1).size).toBe(size - 1);
  const fan = buildGraph(
    nodesOf([...Array.from({ length: size }, () => []), Array.from({ length: size }, (_, task) => task)]),
  );
  expect(computeLayers(fan)).toEqual([Array.from({ length: size }, (_, task) => task), [size]]);
  expect(ancestorsOf(fan, size).size).toBe(size);
});
