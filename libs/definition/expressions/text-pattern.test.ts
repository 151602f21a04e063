import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { definitionLimits } from "../limits.ts";
import { compilePattern, patternProblem } from "./text-pattern.ts";

const { patternLength, patternWork } = definitionLimits;

test.each([
  ["^[a-z]+$", "abc", true],
  ["^[a-z]+$", "a\n", false],
  ["b", "abc", true],
  ["(?i)STRASSE", "strasse", true],
  ["", "", true],
])("%s on %j is %s", (pattern, text, expected) => {
  expect(compilePattern(pattern).test(text)).toBe(expected);
});

test.each([
  ["(", /is no regular expression of RE2's syntax: missing/],
  ["(?=a)", /is no regular expression/],
  [String.raw`(a)\1`, /is no regular expression/],
  ["(x{1000}){1000}", /is no regular expression/],
  ["((a{0,30}){0,30}){0,1}b", /repeats too much/],
  ["a".repeat(patternLength + 1), /is longer than 1000 characters/],
])("%s is refused with its reason", (pattern, reason) => {
  expect(patternProblem(pattern)).toMatch(reason);
});

test("the larger the pattern, the shorter the texts that it is matched with", () => {
  const small = compilePattern("^[a-z]+$");
  expect(small.longestText * small.size).toBeLessThanOrEqual(patternWork);
  expect(small.test("a".repeat(small.longestText))).toBe(true);
  expect(() => small.test("a".repeat(small.longestText + 1))).toThrow(
    /is matched with texts of at most \d+ characters/,
  );
  expect(compilePattern(String.raw`\pL{400}[0-9]`).longestText).toBeLessThan(1000);
});

describe("patterns that backtracking engines choke on", () => {
  // Such an engine would take longer than the test may: each doubles its time with each character.
  test.each([
    "(a*)*b",
    "(a|a)*$b",
    "(a|aa)+$b",
    "(.*a){20}$",
    "(a+)+[bc]$",
    "([a-zA-Z]+)*[0-9]",
    "(a?){100}a{100}[bc]",
  ])("%s is answered on the longest text", (pattern) => {
    const { longestText, test: matches } = compilePattern(pattern);
    expect(typeof matches("a".repeat(longestText))).toBe("boolean");
  });
});

test("whatever the pattern, it is refused or matches as a backtracking engine does on short texts", () => {
  const part = fc.constantFrom(
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    "(",
    ")",
    "*",
    "+",
    "?",
    "|",
    "{2}",
    "{0,3}",
    "^",
    "$",
    String.raw`\w`,
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 8 }),
      fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 }),
      (parts, text) => {
        const pattern = parts.join("");
        if (patternProblem(pattern) !== null) return;
        let native: RegExp;
        try {
          native = new RegExp(pattern, "u");
        } catch {
          return;
        }
        expect(compilePattern(pattern).test(text)).toBe(native.test(text));
      },
    ),
    { numRuns: 500 },
  );
});
