import type { Connection, Submittable } from "pg";
import type { BoundStatement } from "#sql/bind-statement.ts";
import { fromPostgres, toPostgres } from "./postgres-values.ts";
import { RowCollector, type RowLimits, type StatementOutcome } from "./sql-session.ts";

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** What `pg` calls on a query; all that it may call is here. */
class Exchange<T> implements Submittable {
  /** Resolves when the server is ready for the next one. */
  readonly done: Promise<T>;
  protected fields: readonly Field[] | null = null;
  #resolve: (result: T) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  readonly #send: (connection: Connection) => void;
  readonly #finish: (fields: readonly Field[] | null) => T;

  constructor(send: (connection: Connection) => void, finish: (fields: readonly Field[] | null) => T) {
    this.#send = send;
    this.#finish = finish;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    this.#send(connection);
    connection.sync();
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.fields = fields;
  }

  handleError(error: unknown): void {
    this.#reject(error);
  }

  /** For an error that was brought about on purpose. */
  protected resolveEarly(): void {
    this.#resolve(this.#finish(this.fields));
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#finish(this.fields));
  }

  handleDataRow(_message: { readonly fields: readonly (string | null)[] }): void {}

  handleCommandComplete(_message: { readonly text: string }): void {}

  handlePortalSuspended(): void {}

  handleEmptyQuery(): void {}

  handleCopyInResponse(connection: Connection): void {
    (connection as Connection & { sendCopyFail(message: string): void }).sendCopyFail(
      "a task can't send a file by COPY",
    );
  }

  handleCopyData(): void {}
}

/** Has the server parse the statement and tell the types of its parameters. */
export function createCheck(text: string): Exchange<readonly number[]> {
  let types: readonly number[] = [];
  return new Exchange(
    (connection) => {
      const onTypes = (message: { readonly dataTypeIDs: readonly number[] }): void => {
        types = message.dataTypeIDs;
      };
      connection.once("parameterDescription", onTypes);
      // An error leaves the listener; it must not meet the next statement.
      connection.once("readyForQuery", () => connection.off("parameterDescription", onTypes));
      connection.parse({ name: "", text, types: [] }, true);
      connection.describe({ type: "S", name: "" }, true);
    },
    () => types,
  );
}

/** Runs a statement; the server sends one row more than are wanted, so that more of them show. */
export function createRun(
  { text, values }: BoundStatement,
  options: { readonly types: readonly number[]; readonly keep: RowLimits | null; readonly onTooManyBytes: () => void },
): Exchange<StatementOutcome> {
  const run = new Run(options.keep, options.onTooManyBytes, (connection) => {
    const parameters = values.map((value, place) => toPostgres(value, options.types[place] ?? 0));
    connection.parse({ name: "", text, types: [] }, true);
    connection.bind({ portal: "", statement: "", values: parameters }, true);
    connection.describe({ type: "P", name: "" }, true);
    connection.execute({ portal: "", rows: options.keep === null ? "0" : String(options.keep.rows + 1) }, true);
  });
  return run;
}

class Run extends Exchange<StatementOutcome> {
  readonly #collector: RowCollector;
  readonly #onTooManyBytes: () => void;
  #received = 0;
  #tag = "";

  constructor(keep: RowLimits | null, onTooManyBytes: () => void, send: (connection: Connection) => void) {
    super(send, (fields) => this.#outcome(fields));
    this.#collector = new RowCollector(keep);
    this.#onTooManyBytes = onTooManyBytes;
  }

  override handleError(error: unknown): void {
    if (this.#collector.exceeded === "bytes") this.resolveEarly();
    else super.handleError(error);
  }

  override handleDataRow({ fields: cells }: { readonly fields: readonly (string | null)[] }): void {
    this.#received += 1;
    const types = this.fields ?? [];
    const row = () => cells.map((cell, place) => fromPostgres(cell, types[place]?.dataTypeID ?? 0));
    const bytes = cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
    const isFirst = this.#collector.exceeded === null;
    this.#collector.add(row, bytes);
    if (isFirst && this.#collector.exceeded === "bytes") this.#onTooManyBytes();
  }

  override handleCommandComplete({ text }: { readonly text: string }): void {
    this.#tag = text;
  }

  #outcome(fields: readonly Field[] | null): StatementOutcome {
    const { rows, exceeded } = this.#collector;
    const counted = /\d+$/.exec(this.#tag)?.[0];
    const count = counted === undefined ? this.#received : Number(counted);
    return { columns: fields?.map(({ name }) => name) ?? null, rows, count, exceeded };
  }
}
