import { expect, test } from "vitest";
import { evaluateToJson } from "./evaluate-expression.ts";
import { compileExpression } from "./expression.ts";
import type { Json } from "../model.ts";

function evaluate(body: string, list: readonly Json[]): Json {
  const { expression, issues } = compileExpression(body);
  if (expression === null) throw new Error(issues[0]?.message);
  const context = {
    params: { list },
    logicalAt: 0,
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: 0,
    timezone: "UTC",
    run: { dag_run_id: "", dag_id: "", run_type: "", start_date: null },
    taskInstance: { task_id: "", try_number: 1, max_tries: 1 },
    outputs: () => undefined,
    tempDir: "",
  };
  return evaluateToJson(expression, { context, doubles: new Set() });
}

test.each([
  ["params.list.map(n, n * 2)", [2, 4, 6]],
  ["params.list.map(n, n > 1, n * 2)", [4, 6]],
  ["params.list.filter(n, n != 2)", [1, 3]],
  [
    "params.list.map(n, [n] + [0])",
    [
      [1, 0],
      [2, 0],
      [3, 0],
    ],
  ],
  [
    "params.list.map(n, params.list.map(m, n * m))",
    [
      [1, 2, 3],
      [2, 4, 6],
      [3, 6, 9],
    ],
  ],
  [
    "[params.list.map(n, n)].map(a, [a + [4], a + [5], a])",
    [
      [
        [1, 2, 3, 4],
        [1, 2, 3, 5],
        [1, 2, 3],
      ],
    ],
  ],
  ["params.list.map(n, n) + params.list.filter(n, n > 2)", [1, 2, 3, 3]],
  ["params.list.exists_one(n, n == 2)", true],
  ["params.list.all(n, n < 3)", false],
  ["[].map(n, n)", []],
])("%s", (body, value) => {
  expect(evaluate(body, [1, 2, 3])).toEqual(value);
});

test("a long list is mapped in linear time", () => {
  const list = Array.from({ length: 15_000 }, (_, index) => index);
  expect(evaluate("params.list.map(n, n + 1).filter(n, n % 2 == 0) | length", list)).toBe(7500);
});

test("nested loops end at a limit", () => {
  const list = Array.from({ length: 1000 }, () => 1);
  expect(() => evaluate("params.list.map(a, params.list.map(b, params.list.map(c, 1)))", list)).toThrow(
    "it takes more than 100000 steps",
  );
  // Each evaluation has its own turns.
  expect(evaluate("params.list.map(a, 1) | length", list)).toBe(1000);
});
