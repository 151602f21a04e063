import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findCycles } from "./cycles.ts";
import { buildGraph, type Graph } from "./graph.ts";
import { findStrongComponents } from "./strong-components.ts";

/** A graph from edges, parent first. */
function graphOf(size: number, edges: readonly (readonly [parent: number, child: number])[]): Graph {
  const parents = Array.from({ length: size }, (): { task: number; on: "success" }[] => []);
  for (const [parent, child] of edges) parents[child]?.push({ task: parent, on: "success" });
  return buildGraph(parents.map((list) => ({ parents: list })));
}

/** Every elementary cycle by trying every path from its smallest task. */
function bruteForce(size: number, edges: readonly (readonly [number, number])[]): readonly string[] {
  const found = new Set<string>();
  const walk = (path: readonly number[]): void => {
    for (const [parent, child] of edges) {
      if (parent !== path.at(-1)) continue;
      if (child === path[0]) found.add(path.join(" "));
      else if (child > (path[0] ?? 0) && !path.includes(child)) walk([...path, child]);
    }
  };
  for (let start = 0; start < size; start += 1) walk([start]);
  return [...found];
}

function complete(size: number): readonly (readonly [number, number])[] {
  return Array.from({ length: size }, (_, parent) =>
    Array.from({ length: size }, (_, child) => [parent, child] as const).filter(([a, b]) => a !== b),
  ).flat();
}

describe("findCycles", () => {
  test("finds both ways round when one of them is a short cut", () => {
    const [a, b, c] = [0, 1, 2];
    expect(
      findCycles(
        graphOf(3, [
          [a, b],
          [b, c],
          [c, a],
          [a, c],
        ]),
      ),
    ).toEqual([
      [a, b, c],
      [a, c],
    ]);
  });

  test("finds a task that depends on itself", () => {
    expect(
      findCycles(
        graphOf(2, [
          [0, 1],
          [1, 1],
        ]),
      ),
    ).toEqual([[1]]);
  });

  test("names a cycle once though an edge of it is written twice", () => {
    expect(
      findCycles(
        graphOf(2, [
          [0, 1],
          [0, 1],
          [1, 0],
          [1, 0],
        ]),
      ),
    ).toEqual([[0, 1]]);
  });

  test("finds nothing in a graph without cycles", () => {
    expect(
      findCycles(
        graphOf(4, [
          [0, 1],
          [0, 2],
          [1, 3],
          [2, 3],
        ]),
      ),
    ).toEqual([]);
  });

  test("lists every elementary cycle once, from its smallest task, in ascending order", () => {
    const edge = fc.tuple(fc.nat(6), fc.nat(6));
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 22 }), (edges) => {
        const expected = bruteForce(7, edges);
        fc.pre(expected.length <= 100);
        const found = findCycles(graphOf(7, edges));
        expect(new Set(found.map((cycle) => cycle.join(" ")))).toEqual(new Set(expected));
        expect(found).toHaveLength(expected.length);
        expect(found.map((cycle) => Math.min(...cycle))).toEqual(found.map(([first]) => first));
        const asText = found.map((cycle) => cycle.map((task) => `${task}`.padStart(2, "0")).join(" "));
        expect(asText).toEqual(asText.toSorted());
      }),
      { numRuns: 1000 },
    );
  });

  test("stops at 100 cycles, each of them real and none twice", () => {
    const edges = complete(9);
    const all = new Set(bruteForce(9, edges));
    const found = findCycles(graphOf(9, edges)).map((cycle) => cycle.join(" "));
    expect(all.size).toBeGreaterThan(10_000);
    expect(found).toHaveLength(100);
    expect(new Set(found).size).toBe(100);
    expect(found.filter((cycle) => !all.has(cycle))).toEqual([]);
  });

  test("gives parts that have nothing to do with each other equal shares", () => {
    const dense = complete(20);
    const pair = [
      [20, 21],
      [21, 20],
    ] as const;
    expect(findCycles(graphOf(22, [...dense, ...pair]))).toContainEqual([20, 21]);
  });

  test("a cycle of 10,000 tasks, with short cuts back from each, overflows nothing", () => {
    const size = 10_000;
    const ring = Array.from({ length: size }, (_, task) => [task, (task + 1) % size] as const);
    expect(findCycles(graphOf(size, ring))).toEqual([Array.from({ length: size }, (_, task) => task)]);
    const back = ring.map(([task]) => [task, Math.max(0, task - 1)] as const);
    expect(findCycles(graphOf(size, [...ring, ...back]))).toHaveLength(100);
  });

  test("dense graphs and graphs whose dead ends multiply are given up in time", () => {
    expect(findCycles(graphOf(300, complete(300)))).toHaveLength(100);
    const ladder = Array.from({ length: 3000 }, (_, place) => {
      const [from, to] = [2 * place, 2 * place + 2];
      return [
        [from, to],
        [from, to + 1],
        [from + 1, to],
        [from + 1, to + 1],
      ] as const;
    }).flat();
    expect(findCycles(graphOf(6002, [...ladder, [6001, 1]]))).toHaveLength(100);
    expect(findCycles(graphOf(6002, [...ladder, [1, 0], [0, 1]]))).toEqual([[0, 1]]);
  });
});

test("strong components are the classes of tasks that reach each other and themselves", () => {
  const edge = fc.tuple(fc.nat(9), fc.nat(9));
  fc.assert(
    fc.property(
      fc.array(edge, { maxLength: 30 }),
      fc.subarray(Array.from({ length: 10 }, (_, task) => task)),
      (edges, members) => {
        const inside = edges.filter(([parent, child]) => members.includes(parent) && members.includes(child));
        const reaches = (from: number, to: number): boolean => {
          const seen = new Set(inside.filter(([parent]) => parent === from).map(([, child]) => child));
          for (const task of seen) for (const [parent, child] of inside) if (parent === task) seen.add(child);
          return seen.has(to);
        };
        const cyclic = members.filter((task) => reaches(task, task));
        const classes = new Set(
          cyclic.map((task) => cyclic.filter((other) => reaches(task, other) && reaches(other, task)).join()),
        );
        const found = findStrongComponents(graphOf(10, edges), new Set(members));
        expect(new Set(found.map((component) => component.toSorted((a, b) => a - b).join()))).toEqual(classes);
        expect(found.flat()).toHaveLength(cyclic.length);
      },
    ),
  );
});
