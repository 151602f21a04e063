import { isList } from "../json.ts";
import type { Json } from "../model.ts";

/** The value as a Python expression: `'x'`, `3`, `True`, `None`, `[…]`, `{…}`. */
export function pythonLiteral(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  // In brackets, since `-3 ** 2` would be read as `-(3 ** 2)`.
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  if (typeof value === "string") return `'${escapeForPython(value)}'`;
  if (isList(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  const entries = Object.entries(value).map(([key, item]) => `'${escapeForPython(key)}': ${pythonLiteral(item)}`);
  return `{${entries.join(", ")}}`;
}

/**
 * The text as it is written inside a Python string literal with any quotes: backslashes, quotes, and everything that
 * is no visible character is escaped, so that it neither ends the literal nor depends on the encoding of the file.
 */
export function escapeForPython(text: string): string {
  return text.replace(/[\\'"\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\\" || character === "'" || character === '"') return `\\${character}`;
    if (character === "\n") return "\\n";
    const code = character.codePointAt(0) ?? 0;
    if (code <= 0xff) return `\\x${hex(code, 2)}`;
    return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  });
}

function hex(code: number, length: number): string {
  return code.toString(16).padStart(length, "0");
}
