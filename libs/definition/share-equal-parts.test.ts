import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Definition } from "./model.ts";
import { shareEqualParts } from "./share-equal-parts.ts";

/** Stored definitions are JSON; what the parts mean is of no importance here. */
function definitionOf(tasks: readonly object[]): Definition {
  return { id: "etl", tasks } as unknown as Definition;
}

describe("shareEqualParts", () => {
  test("parts of tasks that are equal become one object, others stay apart", () => {
    const tasks = [1, 1, 2].map((maxRetries, place) => ({ id: `t${place}`, retry: { maxRetries }, environment: {} }));
    const [first, second, third] = shareEqualParts(definitionOf(tasks)).tasks;
    expect(first?.retry).toBe(second?.retry);
    expect(first?.environment).toBe(third?.environment);
    expect(third?.retry).toEqual({ maxRetries: 2 });
  });

  test("a text that looks like the JSON of a map is no map", () => {
    const shared = shareEqualParts(definitionOf([{ operator: { a: 1 } }, { operator: '{"a":1}' }, { operator: '"x' }]));
    expect(shared.tasks.map(({ operator }) => operator)).toEqual([{ a: 1 }, '{"a":1}', '"x']);
  });

  test("nothing is changed, whatever tasks hold", () => {
    const part = fc.oneof(fc.constantFrom({}, [], "", null, 0), fc.jsonValue({ maxDepth: 3 }));
    const task = fc.dictionary(fc.constantFrom("id", "retry", "operator", "when", "dependencies", "priority"), part);
    fc.assert(
      fc.property(fc.array(task, { maxLength: 8 }), (tasks) => {
        const before = JSON.stringify(tasks);
        expect(JSON.stringify(shareEqualParts(definitionOf(tasks)).tasks)).toBe(before);
        expect(JSON.stringify(tasks)).toBe(before);
      }),
    );
  });
});
