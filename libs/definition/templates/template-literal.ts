import { isJsonObject, isList } from "../json.ts";
import type { Json, JsonObject } from "../model.ts";

/**
 * A value as a constant of the expression language. No brace of a text stands in it, so that nothing that looks for the
 * ends of expressions can mistake it.
 */
export function toLiteral(value: Json, asDouble = false): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return numberLiteral(value, asDouble);
  if (isList(value)) return `[${value.map((item) => toLiteral(item, asDouble)).join(", ")}]`;
  if (!isJsonObject(value)) return String(value);
  const entries = Object.entries(value).map(([key, item]) => `${quoted(key)}: ${toLiteral(item, asDouble)}`);
  // Spaces keep its braces from those of the expression.
  return ` {${entries.join(", ")} } `;
}

/** JSON's escapes are the language's own, but for surrogates without their other half, which it has no way to write. */
function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(/[{}|]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function numberLiteral(value: number, asDouble: boolean): string {
  const text = String(value);
  const literal = asDouble && Number.isInteger(value) && !/[.e]/.test(text) ? `${text}.0` : text;
  return value < 0 ? `(${literal})` : literal;
}

/** A text for a place that is rendered at run time: what would open an expression there is written as one. */
function escapeText(text: string): string {
  return text.replaceAll(/\{{2,}/g, openBraces);
}

/** The same for a piece of a longer text, where a single brace may meet another one. */
export function escapePiece(text: string): string {
  return text.replaceAll(/^\{+|\{+$|\{{2,}/g, openBraces);
}

function openBraces(braces: string): string {
  return `{{ ${quoted(braces)} }}`;
}

/** A value for a place that is rendered at run time, each text in it escaped. */
export function escapeValue(value: Json): Json {
  if (typeof value === "string") return escapeText(value);
  if (isList(value)) return value.map(escapeValue);
  if (!isJsonObject(value)) return value;
  const escapedEntries: JsonObject = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, escapeValue(item)]),
  );
  return escapedEntries;
}
