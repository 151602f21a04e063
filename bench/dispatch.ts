import type { Store } from "#ports/store.ts";
import { migrate } from "#store/postgres/migrate.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { claim, startRun } from "#testing/store-driver.ts";
import { startBenchDatabase } from "./database.ts";
import { formatTable, measureInTurn } from "./measure.ts";

const rounds = 15;
const dags = 200;
const tasksOfEach = 500;
const picks = [1, 8, 64, 512] as const;
const logger = createLogger({ level: "warn", format: "text", component: "bench" });

/** What a pick among 200 DAGs costs, with little and with 100,000 instances waiting. */
export async function benchDispatch(): Promise<void> {
  const database = await startBenchDatabase(["short", "long"]);
  try {
    const [short = "", long = ""] = database.urls;
    const stores = [await openFilled(short, 5), await openFilled(long, tasksOfEach)] as const;
    const contenders = picks.flatMap((limit) => [
      { name: `pick ${limit} of ${dags * 5}`, run: () => timePick(stores[0], limit) },
      { name: `pick ${limit} of ${dags * tasksOfEach}`, run: () => timePick(stores[1], limit) },
    ]);
    const figures = await measureInTurn(contenders, rounds);
    for (const figure of figures) console.log(JSON.stringify(figure));
    const cells = figures.map(({ name, medianMs, minMs, maxMs }) => [
      name,
      ...[medianMs, minMs, maxMs].map((ms) => ms.toFixed(2)),
    ]);
    console.log(`\n${formatTable([["what", "median ms", "min", "max"], ...cells])}`);
    for (const store of stores) await store.close();
  } finally {
    await database.stop();
  }
}

async function openFilled(connectionString: string, tasks: number): Promise<Store> {
  await migrate({ connectionString, logger });
  const store = await openPostgresStore({ connectionString, poolSize: 4, toPlan: planOfSpec, logger });
  const specs = Array.from({ length: tasks }, (_, place) => ({ id: `t${place}`, priority: place % 3 }));
  for (let dag = 0; dag < dags; dag += 1) {
    const { runKey } = await startRun(store, specs);
    if (dag % 2 === 0) await claim(store, runKey, 0);
  }
  return store;
}

async function timePick(store: Store, limit: number): Promise<number> {
  const start = performance.now();
  const { instances: picked } = await store.runs.pickQueued({
    queues: ["default"],
    backends: [null],
    limit,
    oldest: limit === 1 ? 0 : 1,
  });
  const elapsedMs = performance.now() - start;
  if (picked.length !== limit) throw new Error(`picked ${picked.length} of ${limit}`);
  return elapsedMs;
}
