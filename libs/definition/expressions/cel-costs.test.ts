import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateBody } from "./evaluated-body.testsuite.ts";
import type { Json, JsonObject } from "../model.ts";

const evaluate = (body: string, params: JsonObject = {}): Json => evaluateBody(body, params);

const long = `'${"a".repeat(1000)}'`;

/** `value`, put into `pair` again and again: twice as large each time. */
function doubled(value: string, pair: (name: string) => string, times: number): string {
  let text = value;
  for (let time = 0; time < times; time += 1) text = `[${text}].map(v${time}, ${pair(`v${time}`)})[0]`;
  return text;
}

describe("an expression that would take for ever, or all memory, ends with an error", () => {
  test.each([
    ["replacements that multiply", `${long}${`.replace('a', ${long})`.repeat(3)}.size()`],
    ["text that doubles", `${doubled("'ab'", (name) => `${name} + ${name}`, 60)}.size()`],
    ["lists that double", `${doubled("[1]", (name) => `${name} + ${name}`, 60)}.size()`],
    ["a result that holds another twice, again and again", doubled("[1]", (name) => `[${name}, ${name}]`, 60)],
    ["such values, compared", `${doubled("[1]", (name) => `[${name}, ${name}]`, 60)} == []`],
    ["such maps, as text", `'%s'.format([${doubled("{'a': 1}", (name) => `{'a': ${name}, 'b': ${name}}`, 60)}])`],
    ["a separator between many", `${long}.split('').map(x, x).join(${long}.replace('a', 'aaaaaaaaaa'))`],
    [
      "a pattern that is made anew each turn",
      `params.list.exists(x, ${long}.matches('(a|b)*' + '[ab]'.replace('a', string(x)) + '{100}$'))`,
    ],
    ["a loop whose body is long", `params.list.all(n, n${" + n".repeat(300)} >= 0)`],
    ["a loop whose body calls nothing", `params.list.all(n, true${" && true".repeat(300)})`],
    ["the calendar of a zone in a loop", "params.list.all(n, execution_date.getHours('Europe/Berlin') >= 0)"],
    [
      "times read in nested loops",
      "params.list.all(n, params.list.all(m, timestamp('2026-01-01T00:00:00Z') + duration('1s') > execution_date))",
    ],
  ])("%s", (_, body) => {
    const list = Array.from({ length: 5000 }, (__, index) => index);
    expect(() => evaluate(body, { list })).toThrow(/takes more than 500000 steps/);
  });

  test.each([
    ["a chain of many parts", `1${" + 1".repeat(2400)} > 0`],
    ["a long path", `params.a${".b".repeat(4900)} == 1`],
  ])("%s is refused when it is read", (_, body) => {
    expect(() => evaluate(body, { a: 1 })).toThrow(/is nested too deeply/);
  });

  test("a pattern that repeats too much, or a text too long for it", () => {
    expect(() => evaluate("'aaa'.matches('((a{0,30}){0,30}){0,1}b')")).toThrow(/its pattern repeats too much/);
    expect(() => evaluate("params.text.matches('^[a-z]+$')", { text: "a".repeat(100_000) })).toThrow(
      /its pattern is matched with texts of at most \d+ characters/,
    );
  });
});

test("what is ordinary takes few steps", () => {
  const list = Array.from({ length: 10_000 }, (_, index) => `name ${index}`);
  expect(evaluate("params.list.filter(x, x.matches('^name [0-9]*7$')) | length", { list })).toBe(1000);
  expect(evaluate("params.list.map(x, x.replace('name', 'n')).join(', ').size()", { list })).toBe(78_888);
  expect(evaluate("params.list == params.list && 'name 7' in params.list", { list })).toBe(true);
});

test("replace puts as much in place of as much as it is asked to", () => {
  const few = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 6 });
  fc.assert(
    fc.property(
      few,
      few.filter((text) => text !== ""),
      few,
      (text, search, replacement) => {
        expect(evaluate("params.text.replace(params.search, params.replacement)", { text, search, replacement })).toBe(
          text.replaceAll(search, () => replacement),
        );
        expect(
          evaluate("params.text.replace(params.search, params.replacement, 1)", { text, search, replacement }),
        ).toBe(text.replace(search, () => replacement));
      },
    ),
  );
  expect(evaluate("'ab'.replace('', '-')")).toBe("-a-b-");
  expect(evaluate("'ab'.replace('a', 'x', 0)")).toBe("ab");
});
