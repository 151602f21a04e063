import { describe, expect, test } from "vitest";
import type { Json } from "../model.ts";
import { readYaml } from "./yaml-document.ts";
import { toJson } from "./yaml-value.ts";

function read(text: string): { value: Json | undefined; isComplete: boolean; problems: string[] } {
  const { document, problems } = readYaml(text, "dag.yaml");
  const result = document === null ? { value: undefined, isComplete: false } : toJson(document, problems);
  const list = problems
    .sorted()
    .map(
      ({ line, column, code, message, hint }) =>
        `${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
    );
  return { ...result, problems: list };
}

function codesOf(text: string): string[] {
  return read(text).problems.map((problem) => problem.split(" ")[1] ?? "");
}

test("reads YAML 1.2: on, yes and no are text, octal is written 0o", () => {
  expect(read("on: yes\noff: no\noctal: 0o17\nplain: 017\ndate: 2026-01-01\n").value).toEqual({
    on: "yes",
    off: "no",
    octal: 15,
    plain: 17,
    date: "2026-01-01",
  });
});

test("keeps keys that are no text as they are written", () => {
  expect(read("1: a\ntrue: b\n1.50: c\n").value).toEqual({ "1": "a", true: "b", "1.50": "c" });
});

test("follows aliases", () => {
  expect(read("a: &x [1, &y two]\nb: *x\nc: *y\n")).toEqual({
    value: { a: [1, "two"], b: [1, "two"], c: "two" },
    isComplete: true,
    problems: [],
  });
});

describe("syntax", () => {
  test.each([
    ["a: b\n\tc: d\n", ["2:1 TAB_INDENTATION a tab is used as indentation (indent with spaces)"]],
    ["a: b\na: c\n", ["2:1 DUPLICATE_KEY the key `a` stands here twice"]],
    ["a: 'b\n", ["2:1 YAML_SYNTAX missing closing 'quote (close the quote or bracket)"]],
    [
      "a: {{ params.x }}\n",
      ['1:4 INVALID_KEY a key is a list, a map or an alias (put text with an expression in quotes: "{{ … }}")'],
    ],
    [
      "a: {{ params.x }} b\n",
      ['1:19 YAML_SYNTAX unexpected scalar at node end (put text with an expression in quotes: "{{ … }}")'],
    ],
    [
      "a: !secret b\n",
      ["1:12 UNKNOWN_TAG the tag `!secret` is not known (remove the tag, or put text that begins with `!` in quotes)"],
    ],
    [
      "a: !!set {b}\n",
      ["1:10 UNKNOWN_TAG the tag `!!set` is not known (remove the tag, or put text that begins with `!` in quotes)"],
    ],
    ["a: &one 1\nb: *oen\n", ["2:4 UNKNOWN_ALIAS no anchor `&oen` stands before this alias (did you mean `*one`?)"]],
    ["a: &one [*one]\n", ["1:10 UNKNOWN_ALIAS the alias `*one` stands within itself"]],
    ["a: .inf\n", ["1:4 INVALID_NUMBER the number .inf can't be kept exactly (put it in quotes to keep it as text)"]],
    [
      "a: 12345678901234567890\n",
      [
        "1:4 INVALID_NUMBER the number 12345678901234567890 can't be kept exactly (put it in quotes to keep it as text)",
      ],
    ],
    ["__proto__: a\n", ["1:1 INVALID_KEY the key `__proto__` is not allowed"]],
    [
      "a: b\n---\nc: d\n",
      ["2:1 SEVERAL_DOCUMENTS the file holds more than one YAML document (write one definition per file)"],
    ],
    ["# nothing\n", ["1:1 EMPTY_FILE the file holds no definition"]],
    ["", ["1:1 EMPTY_FILE the file holds no definition"]],
  ])("%j", (text, problems) => {
    expect(read(text).problems).toEqual(problems);
  });

  test("known tags are fine", () => {
    expect(read("a: !!str 1\nb: !!int 2\nc: !!seq []\n")).toMatchObject({
      value: { a: "1", b: 2, c: [] },
      problems: [],
    });
  });

  test("reports every duplicate key of a large map quickly", () => {
    const keys = Array.from({ length: 5000 }, (_, index) => `k${index}: 1\n`).join("");
    expect(codesOf(keys + keys).filter((code) => code === "DUPLICATE_KEY")).toHaveLength(1000);
  });
});

describe("limits", () => {
  test.each([
    ["brackets", `a: ${"[".repeat(2000)}`],
    ["closed brackets", `a: ${"[".repeat(2000)}${"]".repeat(2000)}`],
    ["maps", "{a: ".repeat(2000)],
    ["dashes", "- ".repeat(2000)],
    ["question marks", "? ".repeat(2000)],
    ["keys on one line", "a: ".repeat(2000)],
    ["half a million brackets", "[".repeat(500_000)],
  ])("nesting by %s", (_, text) => {
    expect(codesOf(text)).toEqual(["TOO_DEEP"]);
  });

  test("64 levels are allowed, 65 are not", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(codesOf(nested(64))).toEqual([]);
    expect(codesOf(nested(65))).toEqual(["TOO_DEEP"]);
  });

  test("lists at the column of their keys count too", () => {
    const levels = (count: number): string =>
      Array.from({ length: count }, (_, level) => `${"  ".repeat(level)}${level === 0 ? "" : "- "}a:\n`).join("");
    expect(codesOf(levels(30))).toEqual([]);
    expect(codesOf(levels(40))).toEqual(["TOO_DEEP"]);
  });

  test("brackets in text and comments are none", () => {
    const brackets = "[".repeat(100);
    expect(
      codesOf(
        `a: "${brackets}"\nb: '${brackets}'\nc: |\n  ${brackets}\nd: x${brackets} # ${brackets}\ne: x\n  ${brackets}\n`,
      ),
    ).toEqual([]);
  });

  test("a quote within plain text hides no brackets", () => {
    expect(codesOf(`a: x\n  "\nb: ${"[".repeat(2000)}\n`)).toEqual(["TOO_DEEP"]);
  });

  test("aliases: a hundred are followed, more are not", () => {
    const list = (count: number): string => `a: &x 1\nb: [${"*x,".repeat(count)}]\n`;
    expect(codesOf(list(100))).toEqual([]);
    expect(codesOf(list(101))).toEqual(["TOO_MANY_ALIASES"]);
  });

  test("an alias bomb is refused", () => {
    const lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"];
    for (let level = 1; level < 9; level += 1) lines.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(10)}]`);
    expect(codesOf(lines.join("\n"))).toEqual(["TOO_MANY_ALIASES"]);
  });

  test("a large anchor used often is refused", () => {
    expect(codesOf(`a: &a [${"1,".repeat(50_000)}]\nb: [${"*a,".repeat(90)}]\n`)).toEqual(["TOO_MANY_VALUES"]);
  });

  test("size", () => {
    expect(read(`a: ${"x".repeat(1024 * 1024)}`).problems).toEqual([
      "1:1 FILE_TOO_LARGE the file has 1048579 bytes; the limit is 1048576 (1 MiB) (split the definition, or move scripts into files of their own)",
    ]);
    expect(codesOf(`a: ${"ä".repeat(524_288)}`)).toEqual(["FILE_TOO_LARGE"]);
  });
});
