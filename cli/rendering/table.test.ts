import { describe, expect, test } from "vitest";
import { createPaint } from "./paint.ts";
import { renderTable } from "./table.ts";

const paint = createPaint(false);
const columns = [
  { title: "NAME", flexible: true },
  { title: "SIZE", align: "right" as const },
  { title: "NOTE", flexible: true },
];

describe("renderTable", () => {
  test("columns are as wide as their widest cell, numbers stand right", () => {
    const rows = [
      [{ text: "a" }, { text: "1" }, { text: "first" }],
      [{ text: "longer" }, { text: "1000" }, { text: "" }],
    ];
    expect(renderTable({ columns, rows, paint, width: null })).toEqual([
      "NAME    SIZE  NOTE",
      "a          1  first",
      "longer  1000",
    ]);
  });

  test("flexible columns give way to the terminal, the widest first", () => {
    const rows = [[{ text: "n".repeat(30) }, { text: "1" }, { text: "x".repeat(50) }]];
    const lines = renderTable({ columns, rows, paint, width: 60 });
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines[1]).toContain("n".repeat(25));
  });

  test("cells from outside can't send escape sequences; our colors go around the padding", () => {
    const rows = [[{ text: "\u001b[2Jx", color: "red" as const }, { text: "1" }, { text: "" }]];
    const [, line] = renderTable({ columns, rows, paint: createPaint(true), width: null });
    expect(line).toBe("\u001b[31mx   \u001b[0m     1");
  });
});
