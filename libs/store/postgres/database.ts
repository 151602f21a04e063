import { Pool, type PoolClient } from "pg";
import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import { AppError } from "#errors/app-error.ts";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import type { Logger } from "#telemetry/logger.ts";
import { columnParsers } from "./column-parsers.ts";
import { createDatabaseBreakers } from "./database-breakers.ts";
import { isConnectionError, toDatabaseError } from "./database-errors.ts";
import { hotSettings, sessionSettings, statementDeadlineMs } from "./session-settings.ts";

/** A statement that each connection prepares once, under its name; one name has one text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export interface Queryable {
  /** The rows, bigints as numbers and timestamps as milliseconds. A lost connection is `DATABASE_UNAVAILABLE`. */
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<readonly Row[]>;
}

export interface Transaction extends Queryable {
  /**
   * Sends COMMIT behind what was sent before, in the same round trip; rejects when the server rolled back instead.
   * Without it `transaction` commits at its end.
   */
  commit(): Promise<void>;
}

/** Statements outside a transaction commit by themselves. */
export interface Database extends Queryable {
  /** READ COMMITTED on one connection. What is sent without waiting travels together. Rolls back when `work` throws. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

export interface Databases {
  /** For everything that people wait for. */
  readonly ordinary: Database;
  /** For the statements of the hot path: they always go by index. */
  readonly hot: Database;
  /** Of this process; both pools share them. */
  readonly breakers: readonly BreakerStatus[];
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly connectionString: string;
  /**
   * It is that of a pooler in transaction mode: each transaction may have another session, so nothing is prepared and
   * nothing set. `verifyPooledSessions` looks whether they are as they must be.
   */
  readonly isPooled?: boolean;
  /** Connections of both pools together; at least 4. */
  readonly poolSize: number;
  /** When calls are held back; the default is the table of docs/operations/breakers.md. */
  readonly breaker?: BreakerPolicy;
  readonly logger: Logger;
}

const connectDeadlineMs = 10_000;
/** Where more is asked for than the server takes, processes that start late wait for what the others leave. */
const idleTimeoutMillis = 10_000;
/** Two pools on one database. Connects when first used; `verifyDatabase` is the first use. */
export function openDatabases(options: DatabaseOptions): Databases {
  const hotSize = Math.max(2, Math.floor(options.poolSize / 2));
  const ordinary = createPool(options, Math.max(2, options.poolSize - hotSize), "millrace", sessionSettings);
  const hot = createPool(options, hotSize, "millrace hot", [...sessionSettings, ...hotSettings]);
  const { connectionString, logger, breaker, isPooled = false } = options;
  const breakers = createDatabaseBreakers({
    connectionString,
    logger,
    ...(breaker === undefined ? {} : { policy: breaker }),
  });
  return {
    ordinary: breakers.guard(toDatabase(ordinary, isPooled)),
    hot: breakers.guard(toDatabase(hot, isPooled)),
    get breakers() {
      return breakers.statuses;
    },
    close: async () => {
      breakers.close();
      await Promise.all([ordinary.end(), hot.end()]);
    },
  };
}

/** Refuses a server that may lose what it acknowledged (G1), unless `unsafe`. */
export async function verifyDatabase(database: Database, unsafe: boolean): Promise<void> {
  const text = "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit";
  const [found] = await database.query<{ fsync: string; synchronous_commit: string }>(
    { name: "verify_database", text },
    [],
  );
  const off = Object.entries(found ?? {}).flatMap(([name, value]) => (value === "off" ? [name] : []));
  if (off.length > 0 && !unsafe) {
    throw new AppError(
      "DATABASE_UNSAFE",
      `the database runs with ${off.join(" and ")} off and may lose what it acknowledged`,
      {
        details: { settings: off },
      },
    );
  }
}

function createPool(options: DatabaseOptions, max: number, name: string, settings: readonly string[]): Pool {
  const pool = new Pool({
    connectionString: options.connectionString,
    max,
    application_name: name,
    connectionTimeoutMillis: connectDeadlineMs,
    query_timeout: statementDeadlineMs + 5000,
    idleTimeoutMillis,
    keepAlive: true,
    pipeline: true,
    types: columnParsers,
  });
  pool.on("connect", (client) => {
    // A connection that dies while it is in use reports it twice; without a listener the process would end.
    client.on("error", (error) =>
      options.logger.debug({ error: error.message, pool: name }, "a database connection was lost"),
    );
    if (options.isPooled === true) return;
    client
      .query(settings.join(";"))
      .catch((error: unknown) => options.logger.warn({ error, pool: name }, "a connection's settings were refused"));
  });
  pool.on("error", (error) =>
    options.logger.debug({ error: error.message, pool: name }, "an idle database connection was lost"),
  );
  return pool;
}

function toDatabase(pool: Pool, isPooled: boolean): Database {
  return {
    query: async <Row>(statement: Statement, values: readonly unknown[]) => {
      const client = await connect(pool);
      try {
        const rows = await run<Row>({ client, isPooled }, statement, values);
        client.release();
        return rows;
      } catch (error) {
        client.release(isConnectionError(error));
        throw error;
      }
    },
    transaction: (work) => transact(pool, isPooled, work),
  };
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw toDatabaseError(error);
  }
}

interface Session {
  readonly client: PoolClient;
  readonly isPooled: boolean;
}

/** Sends a statement at once. Its failure is also the failure of what follows, so nobody need wait for each. */
function run<Row>(
  { client, isPooled }: Session,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const statement = { name: isPooled ? "" : name, text, values: [...values] };
  const answer = client.query<Row & Record<string, unknown>>(statement).then(
    (result) => result.rows,
    (error: unknown) => Promise.reject(toDatabaseError(error)),
  );
  answer.catch(() => undefined);
  return answer;
}

async function transact<T>(pool: Pool, isPooled: boolean, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  const sent: Promise<unknown>[] = [];
  const send = <Row>(statement: Statement, values: readonly unknown[]): Promise<readonly Row[]> => {
    const answer = run<Row>({ client, isPooled }, statement, values);
    sent.push(answer);
    return answer;
  };
  let committing: Promise<void> | null = null;
  let broken = false;
  try {
    void send({ name: "", text: "BEGIN" }, []);
    const commit = (): Promise<void> => (committing ??= sendCommit(client, sent));
    const result = await work({ query: send, commit });
    await commit();
    return result;
  } catch (error) {
    broken = isConnectionError(error) || (await rollBack(client));
    throw error;
  } finally {
    client.release(broken);
  }
}

/** A transaction that failed before answers ROLLBACK to COMMIT, without an error: then the first failure is told. */
function sendCommit(client: PoolClient, sent: readonly Promise<unknown>[]): Promise<void> {
  const answer = client.query("COMMIT").then(
    async (result) => {
      if (result.command === "COMMIT") return;
      await Promise.all(sent);
      throw new Error("the transaction was rolled back, though no statement in it failed");
    },
    (error: unknown) => Promise.reject(toDatabaseError(error)),
  );
  answer.catch(() => undefined);
  return answer;
}

/** Whether the connection is of no use any more. After a failed COMMIT there is nothing to roll back, which does no harm. */
async function rollBack(client: PoolClient): Promise<boolean> {
  return client.query("ROLLBACK").then(
    () => false,
    () => true,
  );
}
