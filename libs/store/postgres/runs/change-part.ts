import type { DecidedRun } from "../../changes/run-table.ts";

/** One kind of rows of a guarded write; kinds that have none are left out of the statement. */
export interface ChangePart {
  readonly key: string;
  /** A common table expression that writes only where `isLocked`; `$n` stands for the part's rows as JSON. */
  readonly sql: string;
  readonly rows: (run: DecidedRun) => readonly Record<string, unknown>[];
}

/**
 * Whether the run of this row is one of those that the write has locked, looked up in a hash: a join of the two lists goes
 * through the one for each row of the other, which for 100 runs was a third of the write. The test around it keeps it from
 * becoming a join. What comes last is always true, and rare to the planner: it plans for one row, hence by primary keys,
 * also while its statistics are those of an empty database.
 */
export function isLocked(row: string, list = "locked"): string {
  return `(${row}.run_key IN (SELECT run_key FROM ${list})) IS TRUE AND ${row}.run_key % 1 = 0`;
}
