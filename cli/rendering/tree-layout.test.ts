import { array, assert, nat, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { layoutTree, type TreeTask } from "./tree-layout.ts";

function lines(tasks: readonly TreeTask[]): readonly string[] {
  return layoutTree(tasks).map(
    (row) => `${row.prefix}${row.id}${row.joins.length > 0 ? ` <- ${row.joins.join(",")}` : ""}`,
  );
}

describe("layoutTree", () => {
  test("a chain stays in one column", () => {
    expect(lines([task("a"), task("b", "a"), task("c", "b")])).toEqual(["a", "b", "c"]);
  });

  test("a fork indents its branches and the join stands beside them", () => {
    const diamond = [task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c"), task("e", "d")];
    expect(lines(diamond)).toEqual(["a", "├─ b", "├─ c", "└─ d <- b,c", "   e"]);
  });

  test("branches of different length join below the task that all ways pass", () => {
    const tasks = [
      task("start"),
      task("left", "start"),
      task("left2", "left"),
      task("right", "start"),
      task("end", "left2", "right"),
    ];
    expect(lines(tasks)).toEqual(["start", "├─ left", "│  left2", "├─ right", "└─ end <- left2,right"]);
  });

  test("several tasks without parents are branches of the run", () => {
    expect(lines([task("a"), task("b"), task("c", "a")])).toEqual(["├─ a", "│  c", "└─ b"]);
  });

  test("a join of separate parts stands at the top", () => {
    expect(lines([task("a"), task("b"), task("c", "a", "b")])).toEqual(["├─ a", "├─ b", "└─ c <- a,b"]);
  });

  test("parents that are not in the list are ignored", () => {
    expect(lines([task("a", "gone"), task("b", "a")])).toEqual(["a", "b"]);
  });

  test("every task of a random graph appears once, after all of its parents", () => {
    const graphs = array(array(nat({ max: 40 }), { maxLength: 4 }), { minLength: 1, maxLength: 40 });
    assert(
      property(graphs, (edges) => {
        const tasks = edges.map((parents, index) => ({
          id: `t${index}`,
          parents: [...new Set(parents.filter((parent) => parent < index).map((parent) => `t${parent}`))],
        }));
        const rows = layoutTree(tasks.toReversed());
        const place = new Map(rows.map((row, index) => [row.id, index]));
        expect(place.size).toBe(tasks.length);
        expect(rows).toHaveLength(tasks.length);
        for (const { id, parents } of tasks) {
          for (const parent of parents) expect(place.get(parent)).toBeLessThan(place.get(id) ?? -1);
        }
      }),
    );
  });

  test("a chain of 10,000 tasks is laid out without recursion", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      task(`t${index}`, ...(index > 0 ? [`t${index - 1}`] : [])),
    );
    expect(layoutTree(chain).at(-1)).toEqual({ id: "t9999", prefix: "", below: "", joins: [] });
  });
});

function task(id: string, ...parents: string[]): TreeTask {
  return { id, parents };
}
