import { describe, expect, test } from "vitest";
import { Lexer } from "yaml";
import { createDepthScan } from "./depth-scan.ts";

function maxDepth(text: string): number {
  const scan = createDepthScan();
  let depth = 0;
  for (const lexeme of new Lexer().lex(text)) depth = Math.max(depth, scan.next(lexeme));
  return depth;
}

describe("depth of lists and maps", () => {
  test.each([
    ["a: 1", 1],
    ["a:\n  b:\n    c: 1\n", 3],
    ["a:\n  b: 1\nc:\n  d: 1\n", 2],
    ["[[[]]]", 3],
    ["[[], [[]], []]", 3],
    ["a: [1, {b: [2]}]", 4],
    ["- - - a", 3],
    ["- a:\n    - b\n", 3],
    ["? ? a", 2],
    ["'[[[[': \"{{{{\"", 1],
    ["a: |\n  [[[[\n  - - -\nb: x # [[[[\n", 1],
    ["a: x\n  [[[[\n", 1],
    ["a: [\n---\nb: c\n", 2],
  ])("%j is %i deep", (text, depth) => {
    expect(maxDepth(text)).toBe(depth);
  });

  test("grows with every bracket, dash, question mark and key", () => {
    expect(maxDepth("[".repeat(500))).toBe(500);
    expect(maxDepth("- ".repeat(500))).toBe(500);
    expect(maxDepth("? ".repeat(500))).toBe(500);
    expect(maxDepth("a: ".repeat(500))).toBe(500);
    expect(maxDepth(Array.from({ length: 300 }, (_, level) => `${" ".repeat(level)}a:\n`).join(""))).toBe(300);
  });
});
