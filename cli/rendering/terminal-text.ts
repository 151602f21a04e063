import { stripVTControlCharacters } from "node:util";

/**
 * Text that others wrote (ids, log lines, errors) as one harmless line: no escape sequence, no control character, tabs as two spaces.
 * Task output is data; it must not move the cursor or retitle the window of whoever reads it.
 */
export function harmlessLine(text: string): string {
  const plain = stripVTControlCharacters(text).replaceAll("\t", "  ");
  return plain.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "");
}

/** Columns that a text without escape sequences takes: wide East Asian characters and emoji two, marks that combine none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character.codePointAt(0) ?? 0);
  return width;
}

/** Cuts a text to `width` columns; what was cut shows as an ellipsis. */
export function clip(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return "";
  let kept = "";
  let used = 0;
  for (const character of text) {
    const next = characterWidth(character.codePointAt(0) ?? 0);
    if (used + next > width - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…`;
}

/** Fills a text with spaces up to `width` columns. */
export function padTo(text: string, width: number, side: "left" | "right" = "right"): string {
  const fill = " ".repeat(Math.max(0, width - displayWidth(text)));
  return side === "right" ? text + fill : fill + text;
}

/** First and last code points of the blocks that terminals draw two columns wide. */
const wideBlocks: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function characterWidth(codePoint: number): number {
  if (codePoint < 0x300) return 1;
  if (
    codePoint <= 0x36f ||
    codePoint === 0x200b ||
    codePoint === 0x200d ||
    (codePoint >= 0xfe00 && codePoint <= 0xfe0f)
  )
    return 0;
  if (codePoint < 0x1100) return 1;
  return wideBlocks.some(([first, last]) => codePoint >= first && codePoint <= last) ? 2 : 1;
}
