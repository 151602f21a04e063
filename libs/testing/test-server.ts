import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Client } from "pg";
import { startEmbeddedPostgres } from "#store/postgres/embedded.ts";
import { migrate } from "#store/postgres/migrate.ts";
import { removeLeftoverFolders } from "./leftover-folders.ts";

export interface TestServer {
  /** Of the server's own database; test databases have other names on the same server. */
  readonly connectionString: string;
  stop(): Promise<void>;
}

export const templateName = "millrace_template";

const folderPrefix = "millrace-test-";

/** A server in a temporary folder with a migrated template database. Without fsync unless `durable`. */
export async function startTestServer(options: { durable?: boolean } = {}): Promise<TestServer> {
  await removeLeftoverFolders(folderPrefix);
  const logger = pino({ level: "warn" });
  const dataDir = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  await chmod(dataDir, 0o711);
  const server = await startEmbeddedPostgres({ dataDir, logger, unsafe: options.durable !== true });
  const client = new Client({ connectionString: server.connectionString });
  await client.connect();
  await client.query(`CREATE DATABASE ${templateName}`);
  await migrate({ connectionString: databaseOf(server.connectionString, templateName), logger });
  await client.end();
  return {
    connectionString: server.connectionString,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The same server, another database. */
export function databaseOf(connectionString: string, name: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${name}`;
  return url.href;
}
