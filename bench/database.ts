import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startEmbeddedPostgres } from "#store/postgres/embedded.ts";
import { createLogger } from "#telemetry/logger.ts";

export interface BenchDatabase {
  /** A connection string for each name asked for. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** A PostgreSQL server of its own, with fsync on, and these databases in it. */
export async function startBenchDatabase(names: readonly string[]): Promise<BenchDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-bench-db-"));
  await chmod(dataDir, 0o711);
  const logger = createLogger({ level: "warn", format: "text", component: "bench" });
  const server = await startEmbeddedPostgres({ dataDir, logger });
  const client = new Client({ connectionString: server.connectionString });
  await client.connect();
  const urls: string[] = [];
  for (const name of names) {
    await client.query(`CREATE DATABASE ${name}`);
    const url = new URL(server.connectionString);
    url.pathname = `/${name}`;
    urls.push(url.href);
  }
  await client.end();
  return {
    urls,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
