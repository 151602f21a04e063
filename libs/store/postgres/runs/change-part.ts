import type { DecidedRun } from "../../changes/run-table.ts";

/** One kind of rows of a guarded write; kinds that have none are left out of the statement. */
export interface ChangePart {
  readonly key: string;
  /** A common table expression that joins `locked`; `$n` stands for the part's rows as JSON. */
  readonly sql: string;
  readonly rows: (run: DecidedRun) => readonly Record<string, unknown>[];
}
