import type { Connection } from "#connections/connection.ts";
import { parseConnection } from "#connections/parse-connection.ts";
import type { DatabaseConnection } from "#connections/sessions/open-session.ts";
import type { ServerConnection } from "#connections/sessions/session-pools.ts";
import type { RowLimits, SqlSession, StatementOutcome } from "#connections/sessions/sql-session.ts";
import type { SqlSensor } from "#definition/schema/sensor-definition.ts";
import { AppError } from "#errors/app-error.ts";
import type { BoundStatement } from "#sql/bind-statement.ts";
import type { Look } from "../look.ts";
import { resolveText } from "../sensor-values.ts";
import { runOnSqlite } from "./run-on-sqlite.ts";

/** What a query came to; `isMissing`: it names a column or table that is not there. */
export type QueryResult =
  | { readonly kind: "done"; readonly outcome: StatementOutcome }
  | { readonly kind: "failed"; readonly message: string; readonly isMissing: boolean };

export type RunQuery = (statement: BoundStatement, keep: RowLimits) => Promise<QueryResult>;

/** A session that does not end its statement in that time is closed, in milliseconds. */
const cancelTimeoutMs = 5000;

/** Sessions of a connection that is given by its address. */
const maxSessions = 2;

/** The database that a sensor asks. Throws what looking up connections and secrets throws, and INVALID_CONNECTION. */
export async function findDatabase({ connection }: SqlSensor, look: Look): Promise<DatabaseConnection> {
  if ("name" in connection) return look.host.connections.find(connection.name, "postgres", "mysql", "sqlite");
  const text = await resolveText(connection.address, look);
  const name = `of the sensor (${JSON.stringify(connection.address)})`;
  const found: Connection = parseConnection({ name, text, source: "connection_string" });
  if (found.kind === "sqlite") return found;
  if (found.kind === "postgres" || found.kind === "mysql") {
    return { ...found, poolMax: Math.min(found.poolMax, maxSessions) };
  }
  throw new AppError(
    "INVALID_CONNECTION",
    `connection_string is an address of the type ${found.kind}, not of a database`,
  );
}

/** Each query in a transaction of its own that writes nothing and is rolled back. */
export function createRunQuery(connection: DatabaseConnection, { host, signal }: Look): RunQuery {
  if (connection.kind === "sqlite") return (statement, keep) => runOnSqlite(connection, { statement, keep, signal });
  return (statement, keep) =>
    host.sessions.use(connection, signal, (session) => runOnServer(session, { connection, statement, keep, signal }));
}

interface ServerQuery {
  readonly connection: ServerConnection;
  readonly statement: BoundStatement;
  readonly keep: RowLimits;
  readonly signal: AbortSignal;
}

async function runOnServer(session: SqlSession, query: ServerQuery): Promise<QueryResult> {
  const { signal } = query;
  let giveUp: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    giveUp ??= setTimeout(() => void session.close(), cancelTimeoutMs);
    session.cancel().catch(() => void session.close());
  };
  signal.throwIfAborted();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return { kind: "done", outcome: await runReadOnly(session, query) };
  } catch (error) {
    signal.throwIfAborted();
    const { message, databaseCode, isMissingObject } = session.describeFailure(error);
    const code = databaseCode === "" ? "" : ` (${databaseCode})`;
    return { kind: "failed", message: `${message}${code}`, isMissing: isMissingObject };
  } finally {
    clearTimeout(giveUp);
    signal.removeEventListener("abort", cancel);
  }
}

/** MySQL is told before the transaction begins, PostgreSQL within it. */
async function runReadOnly(
  session: SqlSession,
  { connection, statement, keep }: ServerQuery,
): Promise<StatementOutcome> {
  const readOnly = { text: "SET TRANSACTION READ ONLY", values: [] };
  const isMysql = connection.kind === "mysql";
  if (isMysql) await session.run(readOnly, null);
  await session.begin();
  try {
    if (!isMysql) await session.run(readOnly, null);
    return await session.run(statement, keep);
  } finally {
    if (!session.isBroken) await session.rollback().catch(() => session.close());
  }
}
