import { AppError } from "#errors/app-error.ts";
import type { MysqlConnection, PostgresConnection } from "../connection.ts";
import { SessionPool } from "./session-pool.ts";
import type { SqlSession } from "./sql-session.ts";

export type ServerConnection = PostgresConnection | MysqlConnection;

/** Sessions with database servers, kept open for the next user of the same connection. */
export interface SessionPools {
  /**
   * Lends a session; waits for one when the connection's pool is in use. Throws what opening one throws, or the reason of
   * the signal.
   */
  use<T>(connection: ServerConnection, signal: AbortSignal, work: (session: SqlSession) => Promise<T>): Promise<T>;
  /** Ends every session; what runs fails. */
  close(): Promise<void>;
}

/** A connection that has changed since gets a pool of its own; sessions of the old one are not used again. */
export function createSessionPools(open: (connection: ServerConnection) => Promise<SqlSession>): SessionPools {
  const pools = new Map<string, { readonly fingerprint: string; readonly pool: SessionPool }>();
  let isClosed = false;
  const poolOf = (connection: ServerConnection): SessionPool => {
    if (isClosed) throw new AppError("CONNECTION_FAILED", "the worker is ending");
    const fingerprint = JSON.stringify(connection);
    const known = pools.get(connection.name);
    if (known?.fingerprint === fingerprint) return known.pool;
    void known?.pool.retire();
    const pool = new SessionPool({ open: () => open(connection), max: connection.poolMax });
    pools.set(connection.name, { fingerprint, pool });
    return pool;
  };
  return {
    use: async (connection, signal, work) => {
      const pool = poolOf(connection);
      const session = await pool.take(signal);
      try {
        return await work(session);
      } finally {
        await pool.giveBack(session);
      }
    },
    close: async () => {
      isClosed = true;
      await Promise.all([...pools.values()].map(({ pool }) => pool.close()));
      pools.clear();
    },
  };
}
