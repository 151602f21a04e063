import fc from "fast-check";
import { expect, test } from "vitest";
import { checkOutputs, maxOutputKeys, maxValueBytes, parseOutputs } from "./parse-outputs.ts";

function parsed(text: string): Record<string, unknown> {
  return Object.fromEntries(parseOutputs(text).map(({ key, json }) => [key, JSON.parse(json) as unknown]));
}

test("lines of key=value are texts, and the last value of a key counts", () => {
  expect(parsed("count=42\n\npath=/tmp/a=b\r\ncount=43")).toEqual({ count: "43", path: "/tmp/a=b" });
});

test("a value of several lines ends with its word", () => {
  expect(parsed("report<<END\nfirst\n\nsecond=2\nEND\nempty<<X\nX\na=<<b")).toEqual({
    report: "first\n\nsecond=2",
    empty: "",
    a: "<<b",
  });
});

test("a JSON object keeps its types", () => {
  const value = { n: 1, list: [1, "a", null], nested: { deep: true } };

  expect(parsed(`\u{FEFF} ${JSON.stringify(value, null, 2)}\n`)).toEqual(value);
});

test("an empty file has no outputs", () => {
  expect(parsed("")).toEqual({});
  expect(parsed("\n \n")).toEqual({});
});

test.each([
  ["just words", 'line 1 ("just words") is neither'],
  ["a=1\n=2", "line 2"],
  ["a<<END\nnever ends", 'no line "END"'],
  ["a<<\nx", "no word after <<"],
  ["{", "no valid JSON"],
  ['{"a": 1} trailing', "no valid JSON"],
  ["1a=x", 'key "1a"'],
  [`${"k".repeat(201)}=x`, "at most 200"],
  ["a=x\0y", "NUL character"],
  ['{"a": {"b\\u0000": 1}}', "NUL character"],
  ['{"a": ["\\ud800"]}', "surrogate"],
  ['{"a": 1e999}', "a number that JSON can't carry"],
])("%j is refused by name", (text, reason) => {
  expect(() => parseOutputs(text)).toThrow(reason);
});

test("the limits on value, keys and sum name themselves", () => {
  const largest = "x".repeat(maxValueBytes - 2);
  const many = new Map(Array.from({ length: maxOutputKeys }, (_, index) => [`k${index}`, index]));

  expect(parseOutputs(`a=${largest}`)).toHaveLength(1);
  expect(() => parseOutputs(`a=${largest}y`)).toThrow("at most 1048576 are kept: put a reference");
  expect(checkOutputs(many)).toHaveLength(256);
  expect(() => checkOutputs(many.set("one_more", 1))).toThrow("257 keys");
  const full = Array.from({ length: 17 }, (_, index) => `k${index}=${largest}`).join("\n");
  expect(() => parseOutputs(full)).toThrow("more than 16777216 bytes");
});

test("values without a JSON form are refused", () => {
  expect(() => checkOutputs(new Map([["f", () => 1]]))).toThrow("no JSON form");
});

test("any JSON object of proper text arrives unchanged", () => {
  const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,20}$/);
  const isStorable = (value: unknown): boolean => {
    const text = JSON.stringify(value);
    return !text.includes("\\u0000") && !/\\ud[89a-f]/.test(text);
  };
  const object = fc.dictionary(key, fc.jsonValue().filter(isStorable), { maxKeys: 20 });
  fc.assert(
    fc.property(object, (value) => {
      expect(parsed(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("any text without the end word arrives unchanged between its two lines", () => {
  const line = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n\0]/.test(text) && text !== "END_OF_VALUE");
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      const text = lines.join("\n");
      expect(parsed(`v<<END_OF_VALUE\n${text}\nEND_OF_VALUE\n`)).toEqual({ v: text });
    }),
  );
});
