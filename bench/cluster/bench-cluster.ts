import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { ClusterOptions } from "#testing/cluster/cluster-options.ts";
import { type LocalCluster, startLocalCluster } from "#testing/cluster/local-cluster.ts";
import { triggerAndWait } from "../gateway-calls.ts";
import { waitUntil } from "./wait-until.ts";

/** Of each worker. */
export const slots = 64;

export interface BenchCluster {
  readonly cluster: LocalCluster;
  /** For what is read from the tables; the database's clock is the one that counts. */
  readonly client: Client;
  /** Milliseconds from the request to the known end of a run. */
  run(dag: string): Promise<number>;
  close(): Promise<void>;
}

export interface BenchClusterOptions extends Omit<ClusterOptions, "brokers" | "dagsFolder" | "environment"> {
  /** Texts of definitions by id. */
  readonly definitions: ReadonlyMap<string, string>;
  readonly handOff?: boolean;
}

/**
 * The services as processes with a PostgreSQL that syncs and a Kafka of one node; a single worker unless told otherwise.
 * Resolves when all definitions are in force.
 */
export async function startBenchCluster(options: BenchClusterOptions): Promise<BenchCluster> {
  const dagsFolder = await mkdtemp(join(tmpdir(), "millrace-bench-dags-"));
  const removeFolder = (): Promise<void> => rm(dagsFolder, { recursive: true, force: true });
  try {
    const cluster = await launch(options, dagsFolder);
    const client = new Client({ connectionString: cluster.databaseUrl });
    client.on("error", () => undefined);
    const close = async (): Promise<void> => {
      await client.end();
      await cluster.stop();
      await removeFolder();
    };
    await waitForDefinitions(client, options.definitions.size).catch(async (thrown: unknown) => {
      await close();
      throw thrown;
    });
    return { cluster, client, run: (dag) => triggerAndWait(cluster.gatewayUrl, dag), close };
  } catch (thrown) {
    await removeFolder();
    throw thrown;
  }
}

async function launch(options: BenchClusterOptions, dagsFolder: string): Promise<LocalCluster> {
  const { definitions, handOff = true, ...others } = options;
  for (const [id, text] of definitions) await writeFile(join(dagsFolder, `${id}.yaml`), text);
  const environment = {
    MILLRACE_WORKER_SLOTS: String(slots),
    MILLRACE_EXECUTOR_HAND_OFF: String(handOff),
    MILLRACE_LOGGING_LEVEL: "warn",
  };
  return startLocalCluster({ workers: 1, ...others, dagsFolder, environment, brokers: 1, onProgress: tellFetches });
}

async function waitForDefinitions(client: Client, count: number): Promise<void> {
  await client.connect();
  await waitUntil(client, `SELECT count(*) = ${count} AS is_so FROM dags WHERE is_active`);
}

/** Of all that a cluster tells while it starts. */
function tellFetches(line: string): void {
  if (line.startsWith("fetching")) console.error(line);
}
