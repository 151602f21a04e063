import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClient } from "@connectrpc/connect";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import { operatorSchemas } from "#operators/registry.ts";
import type { Store } from "#ports/store.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { createParser } from "#services/parser/parser.ts";
import { migrate } from "#store/postgres/migrate.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { startBenchDatabase } from "./database.ts";
import { formatTable } from "./measure.ts";

const changes = 5;
const idleScans = 5;
const savedDeadlineMs = 30_000;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const logger = createLogger({ level: "error", format: "text", component: "bench" });

/** So many files in one folder: a first scan of all, scans that find nothing new, a change until it is in force, and memory. */
export async function benchDiscovery(fileCount: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "millrace-bench-folder-"));
  for (let file = 0; file < fileCount; file += 1) await writeFile(join(directory, `dag-${file}.yaml`), textOf(file, 1));
  const server = await startBenchDatabase(["discovery"]);
  const [connectionString = ""] = server.urls;
  await migrate({ connectionString, logger });
  const store = await openPostgresStore({ connectionString, poolSize: 4, toPlan: planOfSpec, logger });
  try {
    await measure(store, directory, fileCount);
  } finally {
    await store.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(store: Store, directory: string, fileCount: number): Promise<void> {
  const loadedMb = usedMb();
  const parser = createParser({
    store,
    directory,
    filePattern: "**/*.{yaml,yml}",
    reloadOnChange: true,
    scanIntervalMs: 3_600_000,
    operators: operatorSchemas,
    maxTaskTimeoutMs: 86_400_000,
    logger,
  });
  const client = createClient(ParserService, createInProcessTransport(parser.routes, { logger }));
  const figures: { what: string; ms: number; mb: number }[] = [];
  const take = async (what: string, run: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await run();
    const figure = { what, ms: Math.round(performance.now() - start), mb: usedMb() - loadedMb };
    figures.push(figure);
    console.log(JSON.stringify(figure));
  };
  try {
    await take(`cold scan of ${fileCount} files`, async () => {
      await parser.start();
      await client.scan({}, { timeoutMs: 600_000 });
    });
    for (let scan = 0; scan < idleScans; scan += 1) await take("a scan that finds nothing new", () => client.scan({}));
    for (let change = 0; change < changes; change += 1) {
      await take("a saved file is in force", async () => {
        await writeFile(join(directory, "dag-7.yaml"), textOf(7, change + 2));
        await waitForVersion(store, "dag_7", change + 2);
      });
    }
  } finally {
    await parser.stop();
  }
  const rows = figures.map(({ what, ms, mb }) => [what, `${ms}`, `${mb}`]);
  console.log(`\n${formatTable([["what", "ms", "MiB of heap more"], ...rows])}`);
}

/** Looks again and again: what is measured is when others could see it. */
async function waitForVersion(store: Store, dagId: string, version: number): Promise<void> {
  const deadline = performance.now() + savedDeadlineMs;
  while (performance.now() < deadline) {
    const active = await store.definitions.getActive(dagId);
    if (active?.version === version) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`version ${version} of ${dagId} was not in force after ${savedDeadlineMs} ms`);
}

function textOf(file: number, version: number): string {
  return `id: dag_${file}
description: version ${version}
schedule: "0 2 * * *"
tasks:
  - {id: extract, type: bash, operator: {bash_command: "echo {{ execution_date }}"}}
  - {id: load, type: noop, dependencies: [extract], operator: {}}
`;
}

/** What is in use once what is not has been collected: the rest of a process's memory follows the collector's mood. */
function usedMb(): number {
  collect();
  return Math.round(process.memoryUsage().heapUsed / 1024 ** 2);
}
