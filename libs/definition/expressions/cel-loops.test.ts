import { expect, test } from "vitest";
import { evaluateBody } from "./evaluated-body.testsuite.ts";
import type { Json } from "../model.ts";

const evaluate = (body: string, list: readonly Json[]): Json => evaluateBody(body, { list });

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

test.each<[body: string, length: number]>([
  ["params.list.map(x, x.id + 1)", 100_000],
  ["params.list.filter(x, x.ok && x.id % 4 == 0)", 25_000],
  ["params.list.map(x, {'id': x.id, 'path': '/in/' + x.name})", 100_000],
  ["params.list.map(x, x.ok, x.name)", 50_000],
])("%s goes over a list of 100,000", (body, length) => {
  const list = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `file-${id}.csv`, ok: id % 2 === 0 }));
  expect(evaluate(body, list)).toHaveLength(length);
});

test("nested loops end at a limit", () => {
  const list = Array.from({ length: 1000 }, () => 1);
  expect(() => evaluate("params.list.map(a, params.list.map(b, params.list.map(c, 1)))", list)).toThrow(
    "it takes more than 500000 steps, with what is evaluated beside it: turns of loops, or long texts and lists; let a task compute it and leave what is needed as an output",
  );
  // Each evaluation has its own turns.
  expect(evaluate("params.list.map(a, 1) | length", list)).toBe(1000);
});
