import { type Pgbouncer, startPgbouncer } from "#testing/pgbouncer.ts";
import { leadThrough } from "../proxy/postgres-proxy.ts";
import { startTcpProxy, type TcpProxy } from "../proxy/tcp-proxy.ts";

/** Whose database a cluster's is: that of the embedded server. */
const account = "millrace";
/** As docs/operations/pooler.md has it. */
const connectQuery =
  "SET timezone = 'UTC'; SET lock_timeout = '1s'; SET idle_in_transaction_session_timeout = '3s'; SET statement_timeout = '30s'";

/** A pooler in transaction mode that all services share. It starts before the database, which it reaches by a link. */
export interface ChaosPooler {
  readonly pgbouncer: Pgbouncer;
  /** Between the pooler and the server. */
  readonly link: TcpProxy;
  /** Where the server is. */
  pointTo(connectionString: string): void;
  /** The server's database through the pooler, once it was pointed to one. */
  url(): string;
  heal(): Promise<void>;
  close(): Promise<void>;
}

export async function startChaosPooler(): Promise<ChaosPooler> {
  const link = await startTcpProxy();
  const pgbouncer = await startPgbouncer({
    connectionString: `postgresql://${account}@127.0.0.1:${link.port}/${account}`,
    connectQuery,
  }).catch(async (thrown: unknown) => {
    await link.close();
    throw thrown;
  });
  let server = "";
  return {
    pgbouncer,
    link,
    pointTo(connectionString) {
      server = connectionString;
      leadThrough(link, connectionString);
    },
    url() {
      const through = new URL(pgbouncer.connectionString);
      through.pathname = new URL(server).pathname;
      return through.href;
    },
    async heal() {
      await link.heal();
      await pgbouncer.start();
    },
    async close() {
      await pgbouncer.close();
      await link.close();
    },
  };
}
