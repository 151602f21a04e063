import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { type LocalCluster, startLocalCluster } from "#testing/cluster/local-cluster.ts";
import { formatTable } from "./measure.ts";

const slots = 64;
const pollMs = 50;
const deadlineMs = 300_000;
/** So many of the runs have begun when everything dies. */
const begunShare = 0.1;
const runsAtOnce = 32;

/** Tasks that cost nothing themselves, so that the figure is Millrace's. */
const definition = `id: recover
tasks:
  - {id: a, type: noop, operator: {}}
  - {id: b, type: noop, operator: {}, dependencies: [a]}
  - {id: c, type: noop, operator: {}, dependencies: [b]}
`;

interface Recovery {
  readonly runs: number;
  /** From the start of the first process, in milliseconds. */
  readonly readyMs: number;
  readonly firstMs: number;
  readonly heldMs: number;
  readonly allMs: number;
}

/** SIGKILL of all five services and the database with N runs that go on: how long until each of them has moved again. */
export async function benchRecovery(args: readonly string[]): Promise<void> {
  const sizes = args.length === 0 ? [1000, 10_000] : args.map(Number);
  const rows = [["runs", "services ready s", "first moved s", "cut short moved s", "all moved s"]];
  for (const runs of sizes) {
    const result = await measureRecovery(runs);
    console.log(JSON.stringify(result));
    const { readyMs, firstMs, heldMs, allMs } = result;
    rows.push([String(runs), ...[readyMs, firstMs, heldMs, allMs].map((ms) => (ms / 1000).toFixed(1))]);
  }
  console.log(`\n${formatTable(rows)}`);
}

async function measureRecovery(runs: number): Promise<Recovery> {
  const dagsFolder = await mkdtemp(join(tmpdir(), "millrace-bench-dags-"));
  await writeFile(join(dagsFolder, "recover.yaml"), definition);
  const environment = { MILLRACE_WORKER_SLOTS: String(slots) };
  const cluster = await startLocalCluster({ dagsFolder, workers: 1, environment });
  const client = new Client({ connectionString: cluster.databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await waitFor(client, "SELECT count(*) > 0 AS is_so FROM dags WHERE dag_id = 'recover' AND is_active");
    await cluster.of("worker")[0]?.kill();
    await trigger(cluster.gatewayUrl, runs);
    await cluster.of("worker")[0]?.start();
    await waitFor(client, `SELECT count(*) >= ${runs * begunShare} AS is_so FROM dag_runs WHERE ever_started`);
  } finally {
    await client.end();
  }
  const result = await restartAll(cluster, runs);
  await cluster.stop();
  await rm(dagsFolder, { recursive: true, force: true });
  return result;
}

async function trigger(url: string, runs: number): Promise<void> {
  for (let made = 0; made < runs; made += runsAtOnce) {
    const count = Math.min(runsAtOnce, runs - made);
    const requests = Array.from({ length: count }, async (_, place) => {
      const executionDate = new Date(Date.UTC(2026, 0, 1) + (made + place) * 1000).toISOString();
      const answer = await fetch(`${url}/api/v1/dags/recover/dagRuns`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ execution_date: executionDate }),
      });
      if (!answer.ok) throw new Error(`trigger answered ${answer.status}: ${await answer.text()}`);
      await answer.body?.cancel();
    });
    await Promise.all(requests);
  }
}

async function restartAll(cluster: LocalCluster, runs: number): Promise<Recovery> {
  await Promise.all(cluster.processes.map((one) => one.kill()));
  await cluster.database.crash();
  const client = new Client({ connectionString: cluster.databaseUrl });
  await client.connect();
  try {
    await client.query(`CREATE TABLE before_death AS SELECT r.run_key, r.sequence, r.held_count > 0 AS was_held
      FROM dag_runs r WHERE ended_at IS NULL`);
    await client.query("ALTER TABLE before_death ADD PRIMARY KEY (run_key)");
    const startedAt = performance.now();
    const since = (): number => performance.now() - startedAt;
    const ready = Promise.all(cluster.processes.map((one) => one.start())).then(since);
    const moved = "FROM before_death b JOIN dag_runs r USING (run_key) WHERE r.sequence";
    const first = waitFor(client, `SELECT count(*) > 0 AS is_so ${moved} > b.sequence`).then(since);
    const firstMs = await first;
    await waitFor(client, `SELECT count(*) = 0 AS is_so ${moved} = b.sequence AND b.was_held`);
    const heldMs = since();
    await waitFor(client, `SELECT count(*) = 0 AS is_so ${moved} = b.sequence`);
    const allMs = since();
    return { runs, readyMs: await ready, firstMs, heldMs, allMs };
  } finally {
    await client.end();
  }
}

/** Polls until the query's `is_so` is true. */
async function waitFor(client: Client, query: string): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    const { rows } = await client.query<{ is_so: boolean }>(query);
    if (rows[0]?.is_so) return;
    await delay(pollMs);
  }
  throw new Error(`not so within ${deadlineMs} ms: ${query}`);
}
