import type { Client } from "pg";
import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import { cancel, trigger } from "../gateway-calls.ts";
import { type Figure, measureInTurn } from "../measure.ts";
import { type BenchCluster, startBenchCluster } from "./bench-cluster.ts";
import { atMost, type Goal } from "./goal.ts";
import { waitUntil } from "./wait-until.ts";

/** What the settings say unless told otherwise. */
const workerLeaseMs = 15_000;
const scanMs = 5000;
const schedulerLeaseMs = 8000;
const leasesToTakeOver = 2;
const executorLimitMs = 3000;

const definitions = new Map([
  ["brief", "id: brief\ntasks: [{id: a, type: noop, operator: {}}]\n"],
  ["long", "id: long\ntasks: [{id: a, type: bash, operator: {bash_command: sleep 600}}]\n"],
]);

const inForce = "SELECT count(*) = $1 AS is_so FROM workers WHERE status = 'healthy' AND lease_expires_at > now()";

/** How long others need to take the place of a worker, an executor and a leading scheduler that get SIGKILL. */
export async function measureFailover(isQuick: boolean): Promise<readonly Goal[]> {
  const rounds = isQuick ? 1 : 5;
  const results: Goal[] = [];
  const settings = [
    {
      counts: { workers: 2 },
      what: "a killed worker's task runs again",
      run: killWorker,
      limit: workerLeaseMs + scanMs,
    },
    {
      counts: { executors: 2 },
      what: "a run after its worker's executor was killed has ended",
      run: killExecutor,
      limit: executorLimitMs,
    },
    {
      counts: { schedulers: 2 },
      what: "a killed scheduler's leadership has moved",
      run: killScheduler,
      limit: leasesToTakeOver * schedulerLeaseMs,
    },
  ] as const;
  for (const { counts, what, run, limit } of settings) {
    const bench = await startBenchCluster({ definitions, ...counts });
    try {
      const [figure] = await measureInTurn([{ name: what, run: () => run(bench) }], rounds);
      results.push(...toGoals(figure, limit));
    } finally {
      await bench.close();
    }
  }
  return results;
}

function toGoals(figure: Figure | undefined, limit: number): readonly Goal[] {
  if (figure === undefined) return [];
  console.log(JSON.stringify(figure));
  const { name, medianMs, maxMs, runs } = figure;
  return [
    atMost(`${name}, median of ${runs}`, { value: medianMs, unit: "ms", limit }),
    atMost(`${name}, worst of ${runs}`, { value: maxMs, unit: "ms", limit }),
  ];
}

/** From the death of a worker to the beginning of its attempt's successor. */
async function killWorker({ cluster, client }: BenchCluster): Promise<number> {
  const workers = cluster.of("worker");
  await waitUntil(client, inForce, [workers.length]);
  const runId = await trigger(cluster.gatewayUrl, "long");
  const attempts = "FROM attempts a JOIN dag_runs r USING (run_key) WHERE r.run_id = $1";
  await waitUntil(client, `SELECT count(*) = 1 AS is_so ${attempts}`, [runId]);
  const { rows } = await client.query<{ worker_id: string }>(
    `SELECT w.worker_id ${attempts.replace("WHERE", "JOIN workers w USING (worker_key) WHERE")}`,
    [runId],
  );
  const victim = workers.find(({ name }) => name === rows[0]?.worker_id);
  if (victim === undefined) throw new Error(`nobody knows worker ${rows[0]?.worker_id}`);
  const ms = await sinceDeath(victim, () => waitUntil(client, `SELECT count(*) = 2 AS is_so ${attempts}`, [runId]));
  await cancel(cluster.gatewayUrl, runId);
  await victim.start();
  return ms;
}

/** The worker's executor is the one that ran while the other did not; that one is there when it dies. */
async function killExecutor(bench: BenchCluster): Promise<number> {
  const { cluster, client } = bench;
  const [victim, other] = cluster.of("executor");
  if (victim === undefined || other === undefined) throw new Error("two executors are needed");
  await other.stop();
  await bench.run("brief");
  await other.start();
  const before = await readExecutorId(client);
  const ms = await sinceDeath(victim, () => bench.run("brief"));
  if ((await readExecutorId(client)) === before) throw new Error("it was not the worker's executor that was killed");
  await victim.start();
  await waitUntil(client, inForce, [cluster.of("worker").length]);
  return ms;
}

async function readExecutorId(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ executor_id: string }>(
    "SELECT executor_id FROM workers ORDER BY worker_key DESC LIMIT 1",
  );
  return rows[0]?.executor_id;
}

/** The leader is the one that ran while the other did not. */
async function killScheduler({ cluster, client }: BenchCluster): Promise<number> {
  const [victim, other] = cluster.of("scheduler");
  if (victim === undefined || other === undefined) throw new Error("two schedulers are needed");
  await other.stop();
  const lease = "FROM leases WHERE name = 'scheduler' AND expires_at > now()";
  await waitUntil(client, `SELECT count(*) = 1 AS is_so ${lease}`);
  await other.start();
  const { rows } = await client.query<{ epoch: string }>(`SELECT epoch::text ${lease}`);
  const ms = await sinceDeath(victim, () =>
    waitUntil(client, `SELECT count(*) = 1 AS is_so ${lease} AND epoch > $1::bigint`, [rows[0]?.epoch]),
  );
  await victim.start();
  return ms;
}

async function sinceDeath(victim: ClusterProcess, settled: () => Promise<unknown>): Promise<number> {
  await victim.kill();
  const start = performance.now();
  await settled();
  return performance.now() - start;
}
