import type { StatementOutcome } from "#connections/sessions/sql-session.ts";
import type { SqlSensor } from "#definition/schema/sensor-definition.ts";
import { AppError } from "#errors/app-error.ts";
import { type BoundStatement, quoteName, type SqlValue } from "#sql/bind-statement.ts";
import type { SqlDialect } from "#sql/sql-dialect.ts";
import { baseline, type Look, type LookResult, quiet } from "../look.ts";
import { addColumn, addedColumn, bindQuery, countFirst, firstRows, greatestValue } from "./sensor-query.ts";
import { ask, oneValue, refuseExcess, resultBytes, type SqlSource, toObjects } from "./sql-source.ts";

/** What is before every value, as long as there was none: a time, or a number. */
const beforeAll: Readonly<Record<SqlDialect, readonly SqlValue[]>> = {
  postgres: ["0001-01-01 00:00:00", "0"],
  mysql: [0],
  sqlite: [0],
};

/**
 * Asks for the rows behind the last one, in the order of the column that grows: an event holds the first of them. Rows
 * with one value of the column stay together, so that none is left behind it.
 */
export async function pollNewRows(sensor: SqlSensor, { state }: Look, source: SqlSource): Promise<LookResult> {
  const last = (state?.get("last") ?? null) as SqlValue;
  if (state === null) return baseline({ last: await findLast(sensor, source) });
  const { outcome, query, column } = await readRows(sensor, source, last);
  if (outcome.rows.length === 0) return quiet;
  const { columns } = outcome;
  const place = columns?.findIndex((name) => name.toLowerCase() === column.toLowerCase()) ?? -1;
  const valueOf = (row: readonly SqlValue[] | undefined): SqlValue => row?.[place] ?? null;
  const first = outcome.rows.slice(0, sensor.batchSize);
  const hasMore = outcome.rows.length > sensor.batchSize;
  const next = valueOf(outcome.rows[sensor.batchSize]);
  const whole = hasMore ? first.filter((row) => !isSame(valueOf(row), next)) : first;
  const isCut = whole.length === 0;
  const taken = isCut ? first : whole;
  const reached = valueOf(taken.at(-1));
  if (reached === null) {
    throw new AppError("SENSOR_FAILED", `${column} of a new row is null; it has to have a value in each row`);
  }
  const count = isCut
    ? Number(oneValue(await ask(source, countFirst(query, quoted(column, source.dialect)), { rows: 1 })))
    : taken.length;
  const rows = toObjects({ ...outcome, rows: taken }).map(({ [addedColumn]: _added, ...row }) => row);
  const data = { count, rows, last: reached, ...(isCut ? { is_cut: true } : {}) };
  const event = {
    subject: `${count} rows up to ${typeof reached === "string" ? reached : JSON.stringify(reached)}`,
    data,
  };
  return { ...quiet, firings: [{ event, patch: { put: new Map([["last", reached]]), drop: [] } }], hasMore };
}

interface ReadRows {
  readonly outcome: StatementOutcome;
  readonly query: BoundStatement;
  /** The name under which the result has the column. */
  readonly column: string;
}

/** Up to one row more than an event holds. */
async function readRows(sensor: SqlSensor, source: SqlSource, last: SqlValue): Promise<ReadRows> {
  const limit = sensor.batchSize + 1;
  return tryColumns(
    sensor,
    source,
    last,
    async (query, column) => {
      const statement = firstRows(query, quoted(column, source.dialect), limit);
      const result = await source.run(statement, { rows: limit, bytes: resultBytes });
      if (result.kind === "failed") return result;
      return { kind: "done", value: { outcome: refuseExcess(result.outcome, limit), query, column } };
    },
    ({ outcome }) => outcome.rows.length === 0,
  );
}

/** The greatest value that there is; null: none. */
function findLast(sensor: SqlSensor, source: SqlSource): Promise<SqlValue> {
  return tryColumns(
    sensor,
    source,
    null,
    async (query, column) => {
      const result = await source.run(greatestValue(query, quoted(column, source.dialect)), {
        rows: 1,
        bytes: resultBytes,
      });
      return result.kind === "failed" ? result : { kind: "done", value: oneValue(result.outcome) };
    },
    (value) => value === null,
  );
}

type Tried<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly message: string; readonly isMissing: boolean };

/**
 * Tries the query as it is and, where its result lacks the column, with the column added; as long as there is no last
 * value, with one before all others of a time and of a number. Throws SENSOR_FAILED with the first failure.
 */
async function tryColumns<T>(
  sensor: SqlSensor,
  { dialect }: SqlSource,
  last: SqlValue,
  attempt: (query: BoundStatement, column: string) => Promise<Tried<T>>,
  isEmpty: (value: T) => boolean,
): Promise<T> {
  const column = sensor.orderColumn ?? "";
  const name = column.slice(column.lastIndexOf(".") + 1);
  let failure: string | null = null;
  let lacksColumn = false;
  let empty: { readonly value: T } | null = null;
  for (const value of last === null ? beforeAll[dialect] : [last]) {
    const query = bindQuery(sensor.query, dialect, [value]);
    let tried = await attempt(query, name);
    if (tried.kind === "failed" && tried.isMissing) {
      const added = await attempt(addColumn(query, column, dialect), addedColumn);
      if (added.kind === "done") tried = added;
      else lacksColumn ||= added.isMissing;
    }
    if (tried.kind === "failed") failure ??= tried.message;
    else if (!isEmpty(tried.value)) return tried.value;
    else empty ??= { value: tried.value };
  }
  if (empty !== null) return empty.value;
  const hint = lacksColumn ? `; see that ${column}, the timestamp_column, is one of its tables'` : "";
  throw new AppError("SENSOR_FAILED", `the query fails: ${failure ?? "it was not run"}${hint}`);
}

function quoted(column: string, dialect: SqlDialect): string {
  return quoteName(column, dialect);
}

function isSame(a: SqlValue, b: SqlValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
