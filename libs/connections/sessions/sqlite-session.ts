import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { describeError } from "#errors/app-error.ts";
import type { BoundStatement, SqlValue } from "#sql/bind-statement.ts";
import type { SqliteConnection } from "../connection.ts";
import {
  type DatabaseFailure,
  RowCollector,
  type RowLimits,
  type SqlSession,
  type StatementOutcome,
} from "./sql-session.ts";

/** How long a statement waits for another process to give its lock up, in milliseconds. */
const busyTimeoutMs = 5000;

/** SQLite's primary result codes. */
const codeNames: Readonly<Record<number, string>> = {
  1: "SQLITE_ERROR",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  18: "SQLITE_TOOBIG",
  19: "SQLITE_CONSTRAINT",
  20: "SQLITE_MISMATCH",
  26: "SQLITE_NOTADB",
};
const transientCodes: ReadonlySet<string> = new Set(["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL"]);
/** What an extended code has beside the primary one. */
const primaryMask = 0xff;

/** A SQLite file. Each statement blocks this process until it is done and can't be cancelled: it belongs into a process that may be killed. */
export async function openSqliteSession({ path, readOnly }: SqliteConnection): Promise<SqlSession> {
  const database = new DatabaseSync(path, { readOnly, timeout: busyTimeoutMs });
  return {
    dialect: "sqlite",
    isBroken: false,
    check: async (text) => void database.prepare(text),
    begin: async () => database.exec("BEGIN"),
    commit: async () => database.exec("COMMIT"),
    rollback: async () => database.exec("ROLLBACK"),
    run: async (statement, keep) => runStatement(database, statement, keep),
    cancel: () => Promise.reject(new Error("a statement of SQLite can't be cancelled")),
    reset: async () => {},
    close: async () => {
      if (database.isOpen) database.close();
    },
    describeFailure: sqliteFailure,
  };
}

function runStatement(
  database: DatabaseSync,
  { text, values }: BoundStatement,
  keep: RowLimits | null,
): StatementOutcome {
  const statement = database.prepare(text);
  const columns = statement.columns().map(({ name }) => name);
  const parameters = values.map(toSqlite);
  if (columns.length === 0) {
    const { changes } = statement.run(...parameters);
    return { columns: null, rows: [], count: Number(changes), exceeded: null };
  }
  const collector = new RowCollector(keep);
  let count = 0;
  for (const row of rowsOf(statement, parameters)) {
    count += 1;
    collector.add(() => row.map(fromSqlite), sizeOf(row));
    if (collector.exceeded !== null) break;
  }
  return { columns, rows: collector.rows, count, exceeded: collector.exceeded };
}

function rowsOf(statement: StatementSync, parameters: readonly SQLInputValue[]): Iterable<readonly unknown[]> {
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement.iterate(...parameters) as unknown as Iterable<readonly unknown[]>;
}

/** Whole numbers as integers, booleans as 1 and 0, lists and maps as JSON. */
function toSqlite(value: SqlValue): SQLInputValue {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}

/** Bytes become base64; whole numbers that JSON can't keep exactly become text. */
function fromSqlite(cell: unknown): SqlValue {
  if (typeof cell === "bigint") return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString("base64");
  return typeof cell === "number" && !Number.isFinite(cell) ? String(cell) : (cell as SqlValue);
}

function sizeOf(row: readonly unknown[]): number {
  return row.reduce<number>(
    (sum, cell) => sum + (typeof cell === "string" || cell instanceof Uint8Array ? cell.length : 8),
    0,
  );
}

/** What an error of SQLite means, by its result code. */
export function sqliteFailure(error: unknown): DatabaseFailure {
  const number = error instanceof Error && "errcode" in error ? Number(error.errcode) & primaryMask : 0;
  const message = describeError(error);
  const databaseCode = codeNames[number] ?? (number === 0 ? "" : `SQLITE_${number}`);
  const isMissingObject = /^no such (table|column|function|view|index)/.test(message);
  return {
    message,
    databaseCode,
    kind: databaseCode === "SQLITE_ERROR" ? "syntax" : "database",
    isRetryable: transientCodes.has(databaseCode),
    isMissingObject,
    position: null,
  };
}
