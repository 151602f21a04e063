import { types } from "pg";

/** By the type's number in PostgreSQL. */
const ownParsers: ReadonlyMap<number, (value: string) => unknown> = new Map<number, (value: string) => unknown>([
  [20, parseInt8],
  [1016, parseInt8Array],
  [1184, parseTimestamp],
]);

/** How columns are read: bigints as numbers, timestamps as milliseconds since 1970, all else as the driver does it. */
export const columnParsers: { readonly getTypeParser: typeof types.getTypeParser } = {
  getTypeParser: (oid, format) => ownParsers.get(oid) ?? types.getTypeParser(oid, format),
};

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the numbers that keep their last digit`);
  return value;
}

function parseInt8Array(text: string): number[] {
  return text === "{}" ? [] : text.slice(1, -1).split(",").map(parseInt8);
}

/** Sessions are in UTC, so the text is always `YYYY-MM-DD HH:MM:SS[.ffffff]+00`; what is below a millisecond is cut. */
export function parseTimestamp(text: string): number {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  if (text === "-infinity") return Number.NEGATIVE_INFINITY;
  const at = Date.parse(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
  if (Number.isNaN(at)) throw new RangeError(`cannot read the timestamp ${text}`);
  return at;
}
