import { Client } from "pg";
import { setTimeout as delay } from "node:timers/promises";
import { createNextRelease, nextVersion, type Release } from "../stage/next-release.ts";
import { queryRow } from "../stage/query-row.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";
import { findInterrupted } from "./interrupted.ts";
import { ordinaryLoad } from "./ordinary-load.ts";

/** The most that anybody may wait for a migration. */
const maxWaitMs = 1000;
/** Somebody reads a table that a migration changes, in a transaction that goes on so long when the migration has come. */
const readerMs = 2500;
const meetingDeadlineMs = 60_000;
const probePauseMs = 20;
const met = "migration met a reader";
const tooLong = "statements that waited for a migration";

/** In the order of docs/operations/upgrades.md: executors before workers, and back the other way round. */
export const upgradeInTurn: Scenario = {
  setup: "releases",
  id: "A25",
  title: "rolling upgrade to a next release and rollback, under load",
  shortMs: 20_000,
  load: ordinaryLoad("a25"),
  async fault(stage) {
    const release = await createNextRelease();
    try {
      // The first of the next release applies its migrations.
      const [first, ...others] = stage.cluster.processes;
      if (first === undefined) return;
      await besideReader(stage, () => restartAs(stage, [first], release));
      await restartAs(stage, others, release);
      if ((await countWorkers(stage)) > 0) stage.count("workers of the next release");
      await restartAs(stage, stage.cluster.processes.toReversed(), null);
    } finally {
      await release.remove();
    }
  },
  check: (after) => [
    ...findInterrupted(after),
    ...(after.faults["workers of the next release"] === undefined ? ["no worker was of the next release"] : []),
    ...(after.faults[met] === undefined ? ["no migration met the reader"] : []),
    ...((after.faults[tooLong] ?? 0) > 0 ? [`a migration held others up for over ${maxWaitMs} ms`] : []),
  ],
};

async function restartAs(
  stage: Stage,
  processes: readonly Stage["cluster"]["processes"][number][],
  release: Release | null,
): Promise<void> {
  for (const process of processes) {
    await stage.cluster.restartAs(process, release);
    stage.count(release === null ? `rolled back ${process.service}` : `upgraded ${process.service}`);
    await delay(100);
  }
}

async function countWorkers({ cluster }: Stage): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM workers WHERE version = '${nextVersion}'`;
  return (await queryRow<{ count: number }>(cluster.databaseUrl, text)).count;
}

/** Meanwhile a table is read in a long transaction, and looked at all the time by others. */
async function besideReader(stage: Stage, work: () => Promise<void>): Promise<void> {
  const reader = new Client({ connectionString: stage.cluster.databaseUrl });
  const over = new AbortController();
  await reader.connect();
  const probing = probe(stage, over.signal);
  try {
    await reader.query("BEGIN; SELECT count(*) FROM dag_runs");
    const working = work();
    if (await meetsMigration(reader)) stage.count(met);
    await delay(readerMs);
    await reader.query("COMMIT");
    await working;
  } finally {
    over.abort();
    await probing;
    await reader.end();
  }
}

async function meetsMigration(reader: Client): Promise<boolean> {
  const text = `SELECT 1 FROM pg_locks WHERE relation = 'dag_runs'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted`;
  const deadline = performance.now() + meetingDeadlineMs;
  while (performance.now() < deadline) {
    if ((await reader.query(text)).rows.length > 0) return true;
    await delay(probePauseMs);
  }
  return false;
}

/** How long a statement waits, by the server's clock: this machine's own load is not in it. */
async function probe(stage: Stage, over: AbortSignal): Promise<void> {
  const client = new Client({ connectionString: stage.cluster.databaseUrl });
  await client.connect();
  const text = `SELECT (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::float8 AS ms
    FROM (SELECT count(*) FROM (SELECT 1 FROM dag_runs LIMIT 1) one) counted`;
  while (!over.aborted) {
    const { rows } = await client.query<{ ms: number }>(text);
    if ((rows[0]?.ms ?? 0) > maxWaitMs) stage.count(tooLong);
    await delay(probePauseMs);
  }
  await client.end();
}
