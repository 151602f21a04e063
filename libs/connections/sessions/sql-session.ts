import type { BoundStatement, SqlValue } from "#sql/bind-statement.ts";
import type { SqlDialect } from "#sql/sql-dialect.ts";

/** How much of a result is kept; what is beyond ends the reading. */
export interface RowLimits {
  readonly rows: number;
  /** Of all values as the database sends them. */
  readonly bytes: number;
}

export interface StatementOutcome {
  /** Names as the database gives them; null: it is no statement that returns rows. */
  readonly columns: readonly string[] | null;
  /** Empty where rows were not to be kept. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** Rows that it returned or changed. */
  readonly count: number;
  /** Which limit the rows went beyond; null: none. */
  readonly exceeded: keyof RowLimits | null;
}

/** What an error of a database means. */
export interface DatabaseFailure {
  readonly message: string;
  /** The database's own code: an SQLSTATE, `ER_…`, `SQLITE_…`, or the system's; empty: none. */
  readonly databaseCode: string;
  readonly kind: "syntax" | "connection" | "database";
  readonly isRetryable: boolean;
  /** Something is missing that an earlier statement of the same query may make. */
  readonly isMissingObject: boolean;
  /** Offset in the statement's text; null: unknown. */
  readonly position: number | null;
}

/** One connection to a database, used by one attempt at a time. Methods throw the driver's errors. */
export interface SqlSession {
  readonly dialect: SqlDialect;
  /** It can't be used again. */
  readonly isBroken: boolean;
  /** Has the database read a statement, without any effect. */
  check(text: string): Promise<void>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** `keep` null: rows are counted alone. */
  run(statement: BoundStatement, keep: RowLimits | null): Promise<StatementOutcome>;
  /** Ends the running statement, which then fails. The session is broken: a cancel that comes late could meet the next statement. */
  cancel(): Promise<void>;
  /** Forgets what the last user left: variables, settings, temporary tables. */
  reset(): Promise<void>;
  /** Ends it at once, whatever runs; never rejects. */
  close(): Promise<void>;
  describeFailure(error: unknown): DatabaseFailure;
}

/** Sums up the rows of a result as they come. */
export class RowCollector {
  readonly rows: (readonly SqlValue[])[] = [];
  exceeded: keyof RowLimits | null = null;
  readonly #keep: RowLimits | null;
  #bytes = 0;

  constructor(keep: RowLimits | null) {
    this.#keep = keep;
  }

  /** `bytes` is the row's size. */
  add(row: () => readonly SqlValue[], bytes: number): void {
    if (this.#keep === null || this.exceeded !== null) return;
    this.#bytes += bytes;
    if (this.rows.length === this.#keep.rows) this.exceeded = "rows";
    else if (this.#bytes > this.#keep.bytes) this.exceeded = "bytes";
    else this.rows.push(row());
  }
}
