import type { RowLimits, StatementOutcome } from "#connections/sessions/sql-session.ts";
import type { SqlFailure } from "./statement-failure.ts";

export const resultKinds = ["rows", "count", "none"] as const;
export type ResultKind = (typeof resultKinds)[number];

/** Rows that are kept at most; their JSON obeys the limit of every output, 1 MiB. */
export const rowLimits: RowLimits = { rows: 10_000, bytes: 4 * 1024 * 1024 };
const maxJsonBytes = 1024 * 1024;
const wayOut = "add LIMIT, ask for fewer columns, or set `result: count`";

/** The outputs of a query; the failure when its rows are too many to be kept. */
export function toOutputs(
  { columns, rows, count, exceeded }: StatementOutcome,
  result: ResultKind | null,
): Readonly<Record<string, unknown>> | SqlFailure {
  if (result === "none") return {};
  if (result === "count" || (result === null && columns === null)) return { count };
  if (exceeded === "rows") return tooMuch(`the query returns more than ${rowLimits.rows} rows`);
  if (exceeded === "bytes") return tooMuch(`the query returns more than ${rowLimits.bytes} bytes`);
  const keys = distinctNames(columns ?? []);
  const maps = rows.map((row) => Object.fromEntries(keys.map((key, place) => [key, row[place] ?? null])));
  const bytes = Buffer.byteLength(JSON.stringify(maps));
  if (bytes > maxJsonBytes)
    return tooMuch(`the rows have ${bytes} bytes as JSON; an output has at most ${maxJsonBytes}`);
  return { rows: maps, count };
}

export function isFailure(outputs: Readonly<Record<string, unknown>> | SqlFailure): outputs is SqlFailure {
  return "retryable" in outputs;
}

function tooMuch(what: string): SqlFailure {
  return { code: "invalid_output", message: `${what}: ${wayOut}; nothing was changed`, retryable: false };
}

/** Of two columns with one name the second is `name_2`. */
function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let number = 2; taken.has(free); number += 1) free = `${name}_${number}`;
    taken.add(free);
    return free;
  });
}
