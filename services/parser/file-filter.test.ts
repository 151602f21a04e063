import { describe, expect, test } from "vitest";
import { compileFilePattern, isIgnoredName } from "./file-filter.ts";

describe("isIgnoredName", () => {
  test.each([
    ".a.yaml",
    "a.yaml~",
    "~a.yaml",
    "a.bak",
    "a.bak.yaml",
    "b.tmp.yaml",
    "a.yaml.swp",
    ".a.yaml.swp",
    "x.backup.yml",
    "etl.test.yaml",
    "etl.test.yml",
  ])("%s is ignored", (name) => {
    expect(isIgnoredName(name)).toBe(true);
  });

  test.each(["a.yaml", "backup.yaml", "tmp.yml", "a.b.yaml", "bak", "test.yaml", "a.tests.yaml"])(
    "%s is not",
    (name) => {
      expect(isIgnoredName(name)).toBe(false);
    },
  );
});

describe("compileFilePattern", () => {
  test.each([
    ["**/*.{yaml,yml}", "a.yaml", true],
    ["**/*.{yaml,yml}", "x/y/a.yml", true],
    ["**/*.{yaml,yml}", "a.yamlx", false],
    ["**/*.{yaml,yml}", "ayaml", false],
    ["*.yaml", "a.yaml", true],
    ["*.yaml", "x/a.yaml", false],
    ["flows/**", "flows/x/a.yaml", true],
    ["flows/**", "other/a.yaml", false],
    ["a?.yaml", "ab.yaml", true],
    ["a?.yaml", "a/.yaml", false],
    ["[ab]*.yaml", "b1.yaml", true],
    ["[!ab]*.yaml", "b1.yaml", false],
    ["[!ab]*.yaml", "c1.yaml", true],
    ["{a*,b}.yaml", "a9.yaml", true],
    ["a+(b).yaml", "a+(b).yaml", true],
    ["[].yaml", "[].yaml", true],
    ["{.yaml", "{.yaml", true],
  ])("%s and %s: %s", (pattern, path, expected) => {
    expect(compileFilePattern(pattern)(path)).toBe(expected);
  });

  test("a pattern that is too long is refused", () => {
    expect(() => compileFilePattern("*".repeat(1001))).toThrow(RangeError);
  });
});
