import { createHash } from "node:crypto";
import { type ExpressionValue, Instant, instantText } from "./cel-environment.ts";
import { formatDate, formatDay } from "./date-format.ts";
import type { Json } from "../model.ts";
import { isTimezone } from "../schema/timezone.ts";

export interface FilterContext {
  /** The definition's zone. */
  readonly timezone: string;
  /** The expression reads `now`: an instant stays an instant when it becomes text. */
  readonly keepsTime: boolean;
}

export interface Filter {
  readonly minArguments: number;
  readonly maxArguments: number;
  /** Throws a plain Error that says what fits. */
  apply(value: ExpressionValue, given: readonly ExpressionValue[], context: FilterContext): ExpressionValue;
}

function filter(minArguments: number, maxArguments: number, apply: Filter["apply"]): Filter {
  return { minArguments, maxArguments, apply };
}

/** All filters by name. `default` is here for its arguments alone: whether it applies is decided by who evaluates. */
export const filters: ReadonlyMap<string, Filter> = new Map([
  ["default", filter(1, 1, (value) => value)],
  ["json", filter(0, 0, (value) => JSON.stringify(withoutInstant(value)))],
  ["iso", filter(0, 0, (value) => instantText(toMoment(value).atMs))],
  ["ds", filter(0, 0, (value, _, { timezone }) => dayOf(value, timezone))],
  ["ds_nodash", filter(0, 0, (value, _, { timezone }) => dayOf(value, timezone).replaceAll("-", ""))],
  ["date", filter(1, 2, (value, [format, zone], { timezone }) => dateText(value, format, zone ?? timezone))],
  ["upper", filter(0, 0, (value, _, context) => toText(value, context).toUpperCase())],
  ["lower", filter(0, 0, (value, _, context) => toText(value, context).toLowerCase())],
  [
    "replace",
    filter(2, 2, (value, [from, to], context) =>
      toText(value, context).replaceAll(searched(from), () => toText(to ?? "", context)),
    ),
  ],
  ["join", filter(0, 1, (value, [separator], context) => joined(value, separator ?? ",", context))],
  ["length", filter(0, 0, (value) => lengthOf(value))],
  ["sha256", filter(0, 0, (value, _, context) => createHash("sha256").update(toText(value, context)).digest("hex"))],
  ["ident", filter(0, 0, (value, _, context) => `"${withoutNul(toText(value, context)).replaceAll('"', '""')}"`)],
  ["q", filter(0, 0, (value, _, context) => `'${withoutNul(toText(value, context)).replaceAll("'", `'\\''`)}'`)],
  ["raw", filter(0, 0, (value) => value)],
]);

/** A value inside longer text: lists and maps as JSON, null as nothing, instants as their date. */
export function toText(value: ExpressionValue, { timezone, keepsTime }: FilterContext): string {
  if (typeof value === "string") return value;
  if (value instanceof Instant) return keepsTime ? instantText(value.atMs) : formatDay(value.atMs, timezone);
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function withoutInstant(value: ExpressionValue): Json {
  return value instanceof Instant ? instantText(value.atMs) : value;
}

const dateOnly = /^\d{4}-\d{2}-\d{2}$/;
const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/;

/** A timestamp, or its text; a date alone has no zone, so none is applied to it. */
function toMoment(value: ExpressionValue): { readonly atMs: number; readonly isDateOnly: boolean } {
  if (value instanceof Instant) return { atMs: value.atMs, isDateOnly: false };
  if (typeof value === "string" && (dateOnly.test(value) || rfc3339.test(value))) {
    const atMs = Date.parse(value.replace(" ", "T"));
    if (Number.isFinite(atMs)) return { atMs, isDateOnly: dateOnly.test(value) };
  }
  throw new Error("needs a timestamp, or a date as text such as 2026-01-31 or 2026-01-31T02:00:00Z");
}

function dayOf(value: ExpressionValue, timezone: string): string {
  const { atMs, isDateOnly } = toMoment(value);
  return formatDay(atMs, isDateOnly ? "UTC" : timezone);
}

function dateText(value: ExpressionValue, format: ExpressionValue | undefined, zone: ExpressionValue): string {
  const { atMs, isDateOnly } = toMoment(value);
  if (typeof format !== "string") throw new Error("needs a format such as '%Y-%m-%d'");
  if (typeof zone !== "string" || !isTimezone(zone)) throw new Error(`has no time zone ${JSON.stringify(zone)}`);
  return formatDate(atMs, format, isDateOnly ? "UTC" : zone);
}

function searched(value: ExpressionValue | undefined): string {
  if (typeof value !== "string" || value === "") throw new Error("needs the text to look for");
  return value;
}

function joined(value: ExpressionValue, separator: ExpressionValue, context: FilterContext): string {
  if (!Array.isArray(value)) throw new Error("needs a list");
  return value.map((item: Json) => toText(item, context)).join(toText(separator, context));
}

function lengthOf(value: ExpressionValue): number {
  if (typeof value === "string") return Array.from(value).length;
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object" && value !== null && !(value instanceof Instant)) return Object.keys(value).length;
  throw new Error("needs text, a list or a map");
}

function withoutNul(text: string): string {
  if (text.includes("\0")) throw new Error("can't quote a NUL character");
  return text;
}
