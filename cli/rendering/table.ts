import type { Color, Paint } from "./paint.ts";
import { clip, displayWidth, harmlessLine, padTo } from "./terminal-text.ts";

export interface Cell {
  readonly text: string;
  readonly color?: Color;
  readonly struck?: boolean;
}

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** The column that gives way when the terminal is too narrow. */
  readonly flexible?: boolean;
}

export interface TableOptions {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  readonly paint: Paint;
  /** Columns of the terminal; null: never cut, for pipes. */
  readonly width: number | null;
}

const gap = "  ";
/** A flexible column is not cut below this. */
const leastFlexibleWidth = 8;

/** A table as lines, with its titles first. Cells are made harmless here; colors go around the padded text. */
export function renderTable({ columns, rows, paint, width }: TableOptions): readonly string[] {
  const clean = rows.map((row) => row.map((cell) => ({ ...cell, text: harmlessLine(cell.text) })));
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...clean.map((row) => displayWidth(row[index]?.text ?? ""))),
  );
  if (width !== null) shrink(columns, widths, width);
  const place = (text: string, index: number): string => {
    const cut = clip(text, widths[index] ?? 0);
    const isLast = index === columns.length - 1;
    if (columns[index]?.align === "right") return padTo(cut, widths[index] ?? 0, "left");
    return isLast ? cut : padTo(cut, widths[index] ?? 0);
  };
  const header = columns.map((column, index) => paint("plain", place(column.title, index), "bold")).join(gap);
  const lines = clean.map((row) =>
    row
      .map((cell, index) =>
        paint(cell.color ?? "plain", place(cell.text, index), cell.struck === true ? "struck" : undefined),
      )
      .join(gap)
      .trimEnd(),
  );
  return [header.trimEnd(), ...lines];
}

/** Takes from the flexible columns, the widest first, what the terminal lacks. */
function shrink(columns: readonly Column[], widths: number[], width: number): void {
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (columns.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    columns.forEach((column, index) => {
      if (column.flexible === true && (widths[index] ?? 0) > (widths[widest] ?? leastFlexibleWidth)) widest = index;
    });
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
}
