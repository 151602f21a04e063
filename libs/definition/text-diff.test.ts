import fc from "fast-check";
import { expect, test } from "vitest";
import { diffText } from "./text-diff.ts";

const names = { before: "version 1", after: "version 2" };

test("texts that are the same have no difference", () => {
  expect(diffText("id: a\n", "id: a\n", names)).toBe("");
});

test("shows each change with the lines around it, and far ones apart", () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`);
  const after = lines.toSpliced(1, 1, "second\n").toSpliced(15, 0, "between\n");

  expect(diffText(lines.join(""), after.join(""), names)).toBe(
    `--- version 1
+++ version 2
@@ -1,5 +1,5 @@
 line 1
-line 2
+second
 line 3
 line 4
 line 5
@@ -13,6 +13,7 @@
 line 13
 line 14
 line 15
+between
 line 16
 line 17
 line 18
`,
  );
});

test("a line break that is missing at the end is a difference", () => {
  expect(diffText("id: a", "id: a\n", names)).toContain("-id: a\n\\ No newline at end of file\n+id: a\n");
});

test("texts that have nothing in common are one replaced by the other, in little time", () => {
  const text = (word: string): string => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}\n`).join("");

  const lines = diffText(text("a"), text("b"), names).split("\n");

  expect(lines[2]).toBe("@@ -1,20000 +1,20000 @@");
  expect(lines.filter((line) => line.startsWith("+b"))).toHaveLength(20_000);
});

/** What a patch tool does: each hunk takes the place of the lines that its head names. */
function applyDiff(before: string, diff: string): string {
  const old = before === "" ? [] : before.split(/(?<=\n)/);
  let result = "";
  let next = 0;
  for (const hunk of diff.split(/^(?=@@ )/m).slice(1)) {
    const [, start = "", count = ""] = /^@@ -(\d+),(\d+) /.exec(hunk) ?? [];
    const first = Number(count) === 0 ? Number(start) : Number(start) - 1;
    result += old.slice(next, first).join("");
    const body = hunk.slice(hunk.indexOf("\n") + 1).replaceAll("\n\\ No newline at end of file\n", "");
    const lines = body.split(/(?<=\n)|(?<=end)(?=[-+ ])/);
    expect(lines.filter((line) => /^[- ]/.test(line)).map((line) => line.slice(1))).toEqual(
      old.slice(first, first + Number(count)),
    );
    result += lines
      .filter((line) => /^[+ ]/.test(line))
      .map((line) => line.slice(1))
      .join("");
    next = first + Number(count);
  }
  return result + old.slice(next).join("");
}

test("whatever the texts, the one and the difference make the other", () => {
  const line = fc.constantFrom("a\n", "b\n", "c\n", "\n");
  const text = fc
    .tuple(fc.array(line, { maxLength: 30 }), fc.constantFrom("", "end"))
    .map(([lines, end]) => lines.join("") + end);
  fc.assert(
    fc.property(text, text, (before, after) => {
      expect(applyDiff(before, diffText(before, after, names))).toBe(after);
    }),
    { numRuns: 500 },
  );
});
