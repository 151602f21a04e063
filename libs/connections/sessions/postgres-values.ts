import type { SqlValue } from "#sql/bind-statement.ts";

const jsonTypes: ReadonlySet<number> = new Set([114, 3802]);
/** json, jsonb, text, varchar, char, and a parameter of which the server knows no type. */
const textTypes: ReadonlySet<number> = new Set([...jsonTypes, 25, 1043, 1042, 705, 0]);
const wholeTypes: ReadonlySet<number> = new Set([20, 21, 23, 26]);
const floatTypes: ReadonlySet<number> = new Set([700, 701]);
const booleanType = 16;

/** A parameter in PostgreSQL's text form: a list becomes an array, where the parameter is none of JSON or text. */
export function toPostgres(value: SqlValue, type: number): string | null {
  if (value === null) return null;
  if (typeof value === "string") return jsonTypes.has(type) && !isJson(value) ? JSON.stringify(value) : value;
  if (typeof value !== "object") return String(value);
  return isList(value) && !textTypes.has(type) ? arrayText(value) : JSON.stringify(value);
}

/**
 * A value of a result. Whole numbers beyond what JSON keeps exactly, decimals, dates and everything without a JSON form
 * stay PostgreSQL's own text.
 */
export function fromPostgres(text: string | null, type: number): SqlValue {
  if (text === null) return null;
  if (type === booleanType) return text === "t";
  if (wholeTypes.has(type)) return Number.isSafeInteger(Number(text)) ? Number(text) : text;
  if (floatTypes.has(type)) return Number.isFinite(Number(text)) ? Number(text) : text;
  return jsonTypes.has(type) ? (JSON.parse(text) as SqlValue) : text;
}

function arrayText(list: readonly SqlValue[]): string {
  const items = list.map((item) => {
    if (item === null) return "NULL";
    if (isList(item)) return arrayText(item);
    const text = typeof item === "object" ? JSON.stringify(item) : String(item);
    return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  });
  return `{${items.join(",")}}`;
}

function isList(value: SqlValue): value is readonly SqlValue[] {
  return Array.isArray(value);
}

/** Text for a JSON column may be JSON already, as an output often is. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
