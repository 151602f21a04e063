import { readFileSync } from "node:fs";
import type { SqliteConnection } from "#connections/connection.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import type { RowLimits } from "#connections/sessions/sql-session.ts";
import { AppError } from "#errors/app-error.ts";
import type { BoundStatement } from "#sql/bind-statement.ts";
import type { QueryResult } from "./run-query.ts";

/** What the process reads from its standard input, as JSON. */
export interface SqliteQuery {
  readonly connection: SqliteConnection;
  readonly statement: BoundStatement;
  readonly keep: RowLimits;
}

/** One query on a SQLite file, which it can't change. */
async function run({ connection, statement, keep }: SqliteQuery): Promise<QueryResult> {
  const isFile = connection.path !== ":memory:";
  const session = await openSession({ ...connection, readOnly: isFile });
  try {
    return { kind: "done", outcome: await session.run(statement, keep) };
  } catch (error) {
    const { message, databaseCode } = session.describeFailure(error);
    return {
      kind: "failed",
      message: `${message} (${databaseCode})`,
      isMissing: /no such (column|table)/.test(message),
    };
  } finally {
    await session.close();
  }
}

const query = JSON.parse(readFileSync(process.stdin.fd, "utf8")) as SqliteQuery;
const result = await run(query).catch((error: unknown): QueryResult => {
  if (!(error instanceof AppError)) throw error;
  return { kind: "failed", message: error.message, isMissing: false };
});
process.stdout.write(JSON.stringify(result));
