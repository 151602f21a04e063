import { AppError } from "#errors/app-error.ts";
import type { Connection } from "../connection.ts";
import { mysqlFailure } from "./mysql-failure.ts";
import { postgresFailure } from "./postgres-failure.ts";
import type { DatabaseFailure, SqlSession } from "./sql-session.ts";

export type DatabaseConnection = Extract<Connection, { kind: "postgres" | "mysql" | "sqlite" }>;

/**
 * Opens a session of the connection's kind; drivers are loaded when they are needed. Throws CONNECTION_FAILED, or
 * INVALID_CONNECTION for what another attempt would meet again, such as a wrong password.
 */
export function openSession(connection: DatabaseConnection): Promise<SqlSession> {
  switch (connection.kind) {
    case "postgres":
      return explained(connection, async () => {
        const { openPostgresSession } = await import("./postgres-session.ts");
        return { open: () => openPostgresSession(connection), describe: postgresFailure };
      });
    case "mysql":
      return explained(connection, async () => {
        const { openMysqlSession } = await import("./mysql-session.ts");
        return { open: () => openMysqlSession(connection), describe: mysqlFailure };
      });
    case "sqlite":
      return explained(connection, async () => {
        const { openSqliteSession, sqliteFailure } = await import("./sqlite-session.ts");
        return { open: () => openSqliteSession(connection), describe: sqliteFailure };
      });
  }
}

interface Driver {
  readonly open: () => Promise<SqlSession>;
  readonly describe: (error: unknown) => DatabaseFailure;
}

async function explained({ name }: DatabaseConnection, load: () => Promise<Driver>): Promise<SqlSession> {
  const { open, describe } = await load();
  try {
    return await open();
  } catch (cause) {
    const { message, databaseCode, isRetryable } = describe(cause);
    const code = databaseCode === "" ? "" : ` (${databaseCode})`;
    throw new AppError(
      isRetryable ? "CONNECTION_FAILED" : "INVALID_CONNECTION",
      `the connection ${name} can't be opened: ${message}${code}`,
      { cause, details: { connection: name } },
    );
  }
}
