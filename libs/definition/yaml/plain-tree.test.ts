import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mutateGently } from "#testing/gently-mutated-text.ts";
import { mutateText, seededRandom } from "#testing/mutated-text.ts";
import type { Json } from "../model.ts";
import { createProblemList } from "../problem-list.ts";
import { parseYaml, type YamlTree } from "./yaml-tree.ts";
import { toJson } from "./yaml-value.ts";

/** The document of a text; undefined: there are none, or several. */
function treeOf(text: string): YamlTree | undefined {
  const { documents } = parseYaml(text);
  return documents.length === 1 ? documents[0] : undefined;
}

/** Undefined: it is not plain. */
const plainOf = (text: string): Json | undefined => treeOf(text)?.plain;

/** The value by the composer's nodes, whether the text is plain or not; with the number of faults that were found. */
function composed({ nodes }: YamlTree): { readonly value: Json; readonly faults: number } {
  const problems = createProblemList("x", [0]);
  const { value } = toJson({ plain: undefined, nodes }, problems);
  return { value, faults: nodes().errors.length + problems.sorted().length };
}

function expectSame(text: string): void {
  const tree = treeOf(text);
  if (tree?.plain === undefined) return;
  const { value, faults } = composed(tree);
  if (faults === 0 && JSON.stringify(value) === JSON.stringify(tree.plain)) return;
  expect({ text, value: tree.plain, faults: 0 }).toEqual({ text, value, faults });
}

describe("a text is plain", () => {
  test.each<[text: string, value: Json]>([
    ["a: b\n", { a: "b" }],
    ["# c\na: b # c\n\n  # c\n", { a: "b" }],
    ["# c\n--- # c\n\na: b\n", { a: "b" }],
    ["- a\n- - b\n  - c: 1\n-\n", ["a", ["b", { c: 1 }], null]],
    ["{a: [1, 'it''s', \"\\u0041\"], b: {}, }\n", { a: [1, "it's", "A"], b: {} }],
    ["a: |\n  x\n   y\nb: >-\n  x\n  y\n", { a: "x\n y\n", b: "x y" }],
    ["a: x\n  y\n", { a: "x y" }],
    [
      "a:\nb: ~\nc: null\nd: true\ne: 017\nf: 0x1f\ng: 1e3\n",
      { a: null, b: null, c: null, d: true, e: 17, f: 31, g: 1000 },
    ],
    ["1: a\ntrue: b\n", { "1": "a", true: "b" }],
    [
      "a: -1.50\nb: 10m\nc: 2026-01-01\nd: ./x\ne: nullable\n",
      { a: -1.5, b: "10m", c: "2026-01-01", d: "./x", e: "nullable" },
    ],
  ])("%j", (text, value) => {
    expect(plainOf(text)).toEqual(value);
    expectSame(text);
  });
});

describe("the composer has to judge", () => {
  test.each([
    ["an anchor", "a: &x 1\n"],
    ["an alias", "a: *x\n"],
    ["a tag", "a: !!str 1\n"],
    ["a directive", "%YAML 1.1\n---\na: yes\n"],
    ["a map on the line of the document's mark", "--- a: 1\n"],
    ["several documents", "a: 1\n---\nb: 2\n"],
    ["nothing", "# c\n"],
    ["a key twice", "a: 1\na: 2\n"],
    ["a key of the prototype", "__proto__: 1\n"],
    ["a key that is a map", "{a: 1}: b\n"],
    ["a key without a value", "{a, b: 1}\n"],
    ["an explicit key", "? a\n: b\n"],
    ["a key within a list", "[a: b]\n"],
    ["a number that JSON can't hold", "a: 12345678901234567890\n"],
    ["no number", "a: .nan\n"],
    ["a comment without a space", 'a: "b"#c\n'],
    ["a tab", "a:\t- b\n"],
    ["an entry in another column", "a:\n    b: 1\n  c: 2\n"],
    ["an item that is missing", "[a, , b]\n"],
    ["an open bracket", "a: [b\n"],
    ["an open quote", "a: 'b\n"],
    ["an unknown escape", 'a: "\\q"\n'],
    ["a mark at the beginning of text", "a: @b\n"],
    ["a map on the line of its key", "a: b: c\n"],
    ["levels beyond the limit", `${"[".repeat(65)}${"]".repeat(65)}`],
  ])("%s", (_what, text) => {
    expect(plainOf(text)).toBeUndefined();
  });
});

describe("where a text is plain, the composer gives the same and finds no fault", () => {
  const pieces = fc.constantFrom(
    ...["a", "b", "id", "1", "-1", "0.5", ".", "~", "null", "True", "0x1", "1e9", ".inf", "é", "x y"],
    ...[": ", ":", "- ", "-", "? ", "\n", "\n  ", "\n    ", " ", "\t", "\r\n", "\n\n", " # c", "#c", "\n# c\n"],
    ...["[", "]", "{", "}", ", ", ",", "'", '"', "'a'", '"b"', "''", "\\", "\\n", "|\n", ">-\n", "|2\n", "%", "@"],
    ...["&x ", "*x", "!t ", "!!str ", "---\n", "...\n", "<<: ", "a: ", "\n  - ", "{a: b}", "[a, b]", "{{ x }}"],
  );

  test("of pieces of YAML put together", () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => expectSame(parts.join(""))),
      { numRuns: 20_000 },
    );
  });

  test("of changed examples", () => {
    const examples = new URL("../../../examples/", import.meta.url);
    const texts = readdirSync(examples, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => readFileSync(new URL(name, examples), "utf8"));
    let plain = 0;
    for (let seed = 1; seed <= 1000; seed += 1) {
      const mutate = seed % 2 === 0 ? mutateGently : mutateText;
      const text = mutate(texts[seed % texts.length] ?? "", seededRandom(seed));
      expectSame(text);
      if (plainOf(text) !== undefined) plain += 1;
    }
    expect(plain).toBeGreaterThan(200);
  });
});
