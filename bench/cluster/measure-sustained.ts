import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";
import { dagId, type Shape, toDefinition } from "../shapes.ts";
import { type BenchCluster, startBenchCluster } from "./bench-cluster.ts";
import { atMost, type Goal } from "./goal.ts";

const tasks = 10;
const leastPerSecond = 800;
const mostTail = 10;

interface Hops {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/**
 * 200 DAGs of ten tasks in a row, each run again as soon as it has ended. A hop is the time from a task's readiness to its
 * committed end, and tasks count that end within the measured time, after a warm-up.
 */
export async function measureSustained(isQuick: boolean): Promise<readonly Goal[]> {
  const { dags, warmUpMs, measuredMs } = isQuick
    ? { dags: 20, warmUpMs: 2000, measuredMs: 5000 }
    : { dags: 200, warmUpMs: 10_000, measuredMs: 60_000 };
  const names = Array.from(
    { length: dags },
    (_, place): Shape => ({ name: `s${place}`, layers: Array(tasks).fill(1) }),
  );
  const bench = await startBenchCluster({
    definitions: new Map(names.map((shape) => [dagId(shape), toDefinition(shape)])),
  });
  try {
    const stop = new AbortController();
    const loops = Promise.all(names.map((shape) => repeat(bench, dagId(shape), stop.signal)));
    // A loop that fails ends the measurement at once.
    const measured = await Promise.race([measureWindow(bench.client, warmUpMs, measuredMs), loops.then(refuseEnd)]);
    stop.abort();
    await loops;
    const { count, p50, p99 } = measured;
    return [
      {
        what: `sustained, ${dags} DAGs of ${tasks} tasks`,
        value: count / (measuredMs / 1000),
        unit: "tasks/s",
        bound: "at least",
        limit: leastPerSecond,
      },
      atMost("sustained, a hop, p50", { value: p50, unit: "ms", limit: null }),
      atMost("sustained, a hop, p99", { value: p99, unit: "ms", limit: mostTail * p50 }),
    ];
  } finally {
    await bench.close();
  }
}

async function repeat(bench: BenchCluster, dag: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await bench.run(dag);
}

function refuseEnd(): never {
  throw new Error("the runs ended before the measurement did");
}

async function measureWindow(client: Client, warmUpMs: number, measuredMs: number): Promise<Hops> {
  await delay(warmUpMs);
  const from = await readTime(client);
  await delay(measuredMs);
  const { rows } = await client.query<Hops>(
    `WITH hops AS (SELECT extract(epoch FROM ended_at - queued_at)::float8 * 1000 AS ms FROM task_instances
       WHERE state = 'success' AND ended_at >= $1::timestamptz AND ended_at < $1::timestamptz + $2::integer * interval '1 ms')
     SELECT count(*)::integer AS count, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99 FROM hops`,
    [from, measuredMs],
  );
  return rows[0] ?? { count: 0, p50: Number.NaN, p99: Number.NaN };
}

async function readTime(client: Client): Promise<string> {
  const { rows } = await client.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
  return rows[0]?.now ?? "";
}
