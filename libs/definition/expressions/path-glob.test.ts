import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlob, globProblem } from "./path-glob.ts";

test.each<[pattern: string, matches: readonly string[], others: readonly string[]]>([
  ["*", ["a", "a.csv", "x/a"], []],
  ["*.csv", ["a.csv", ".csv", "x/y/a.csv"], ["a.csv.gz", "acsv", "a.CSV"]],
  ["a?c", ["abc", "x/aéc"], ["ac", "abbc"]],
  ["*.{csv,ts?}", ["a.csv", "a.tsv"], ["a.ts", "a.tsvx"]],
  ["[a-c]*", ["apple", "b"], ["dog"]],
  ["[!a-c]*", ["dog"], ["apple"]],
  ["in/*.csv", ["in/a.csv"], ["a.csv", "in/x/a.csv", "x/in/a.csv"]],
  ["in/**/*.csv", ["in/a.csv", "in/x/y/a.csv"], ["in.csv", "x/in/a.csv"]],
  ["**/b", ["b", "a/b", "a/c/b"], ["a/bb"]],
  ["a+(b).$^|\\", ["a+(b).$^|\\"], ["aab"]],
  ["[z-a]", ["[z-a]"], ["z"]],
  ["a{", ["a{"], ["a"]],
])("%s", (pattern, matches, others) => {
  const glob = compileGlob(pattern);
  expect(matches.filter((path) => !glob(path))).toEqual([]);
  expect(others.filter((path) => glob(path))).toEqual([]);
});

test("any text is a pattern, and one without special characters means itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), fc.string({ maxLength: 30 }), (pattern, path) => {
      const glob = compileGlob(pattern);
      glob(path);
      if (!/[*?[\]{}/]/.test(pattern) && pattern !== "") expect(glob(pattern)).toBe(true);
    }),
  );
});

test("a pattern with many stars takes linear time, and a path that is too long for it is refused", () => {
  const glob = compileGlob(`${"a*".repeat(40)}b`);
  expect(glob("a".repeat(255))).toBe(false);
  expect(() => glob("a".repeat(4000))).toThrow(/^is matched with texts of at most \d+ characters, not 4000$/);
});

test("a pattern that is too large is none", () => {
  expect(globProblem("*.csv")).toBeNull();
  expect(globProblem("?".repeat(1000))).toMatch(/longer than|repeats too much/);
});
