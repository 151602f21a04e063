import { readFileSync } from "node:fs";
import { Client } from "pg";
import type { BoundStatement } from "#sql/bind-statement.ts";
import type { PostgresConnection } from "../connection.ts";
import { createCheck, createRun } from "./postgres-exchange.ts";
import { postgresFailure } from "./postgres-failure.ts";
import { connectTimeoutMs } from "./session-limits.ts";
import type { SqlSession } from "./sql-session.ts";

/** A session with a PostgreSQL server. Each statement is parsed anew, so that it sees what those before it made. */
export async function openPostgresSession(connection: PostgresConnection): Promise<SqlSession> {
  const client = await connect(connection);
  let isBroken = false;
  client.on("error", () => {
    isBroken = true;
  });
  client.on("end", () => {
    isBroken = true;
  });
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const pid = rows[0]?.pid ?? 0;
  const types = new Map<string, readonly number[]>();
  const check = async (text: string): Promise<readonly number[]> => {
    const known = types.get(text) ?? (await client.query(createCheck(text)).done);
    types.set(text, known);
    return known;
  };
  const command = async (text: string): Promise<void> => void (await client.query(text));
  const cancel = (): Promise<void> => {
    isBroken = true;
    return cancelBackend(connection, pid);
  };
  return {
    dialect: "postgres",
    get isBroken() {
      return isBroken;
    },
    check: async (text) => void (await check(text)),
    begin: () => command("BEGIN"),
    commit: async () => {
      // A transaction that has failed answers COMMIT with ROLLBACK, and no error.
      const { command: tag } = await client.query("COMMIT");
      if (tag !== "COMMIT") throw new Error("the transaction was rolled back");
    },
    rollback: () => command("ROLLBACK"),
    run: async (statement: BoundStatement, keep) => {
      const onTooManyBytes = (): void => void cancel().catch(() => undefined);
      return client.query(createRun(statement, { types: await check(statement.text), keep, onTooManyBytes })).done;
    },
    cancel,
    reset: async () => {
      types.clear();
      await command("DISCARD ALL");
    },
    close: async () => {
      isBroken = true;
      await client.end().catch(() => undefined);
    },
    describeFailure: postgresFailure,
  };
}

async function connect(connection: PostgresConnection): Promise<Client> {
  const { host, port, user, password, database } = connection;
  const client = new Client({
    host,
    port,
    user: user === "" ? undefined : user,
    password,
    database: database === "" ? undefined : database,
    ssl: sslOf(connection),
    application_name: "millrace",
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  });
  // A client without a listener would end the process when its connection breaks.
  client.on("error", () => {});
  await client.connect();
  return client;
}

function sslOf({ sslMode, sslRootCert, host }: PostgresConnection) {
  if (sslMode === "disable") return false;
  const ca = sslRootCert === null ? {} : { ca: readFileSync(sslRootCert, "utf8") };
  return { rejectUnauthorized: sslMode === "verify-full", servername: host, ...ca };
}

/** By a connection of its own, since the first one is busy. */
async function cancelBackend(connection: PostgresConnection, pid: number): Promise<void> {
  const client = await connect(connection);
  try {
    await client.query("SELECT pg_cancel_backend($1)", [pid]);
  } finally {
    await client.end().catch(() => undefined);
  }
}
