import type { StatementOutcome } from "#connections/sessions/sql-session.ts";
import { AppError } from "#errors/app-error.ts";
import type { BoundStatement, SqlValue } from "#sql/bind-statement.ts";
import type { SqlDialect } from "#sql/sql-dialect.ts";
import type { RunQuery } from "./run-query.ts";

/** Of all values, as the database sends them. */
export const resultBytes = 4 * 1024 * 1024;

/** A database to ask. */
export interface SqlSource {
  readonly dialect: SqlDialect;
  readonly run: RunQuery;
}

/** Throws SENSOR_FAILED when the query fails or gives more than is kept. */
export async function ask(
  { run }: SqlSource,
  statement: BoundStatement,
  { rows }: { readonly rows: number },
): Promise<StatementOutcome> {
  const result = await run(statement, { rows, bytes: resultBytes });
  if (result.kind === "failed") throw new AppError("SENSOR_FAILED", `the query fails: ${result.message}`);
  return refuseExcess(result.outcome, rows);
}

export function refuseExcess(outcome: StatementOutcome, rows: number): StatementOutcome {
  if (outcome.exceeded === null) return outcome;
  const limit = outcome.exceeded === "rows" ? `${rows} rows` : `${resultBytes} bytes`;
  throw new AppError("SENSOR_FAILED", `the query gives more than ${limit}; ask for fewer rows or columns`);
}

export function oneValue({ rows }: StatementOutcome): SqlValue {
  return rows[0]?.[0] ?? null;
}

/** Rows by the names of their columns. */
export function toObjects({ columns, rows }: StatementOutcome): readonly Readonly<Record<string, SqlValue>>[] {
  return rows.map((row) =>
    Object.fromEntries((columns ?? []).map((column, place) => [column, withoutNul(row[place] ?? null)])),
  );
}

/** What is kept of an event can't hold NUL. */
function withoutNul(value: SqlValue): SqlValue {
  return typeof value === "string" ? value.replaceAll("\0", "␀") : value;
}
