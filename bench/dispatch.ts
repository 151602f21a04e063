import { noResources } from "#core/resource-amounts.ts";
import type { Store } from "#ports/store.ts";
import { migrate } from "#store/postgres/migrate.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { claim, startRun } from "#testing/store-driver.ts";
import { beatOf, hello, registerWorker } from "#testing/worker-builder.ts";
import { startBenchDatabase } from "./database.ts";
import { formatTable, measureInTurn } from "./measure.ts";

const rounds = 15;
const dags = 200;
const tasksOfEach = 500;
const picks = [1, 8, 64, 512] as const;
const logger = createLogger({ level: "warn", format: "text", component: "bench" });

/** What the workers of a pick do not have. */
const labels = { required: { gpu: "true" }, preferred: {} };
const requests = { ...noResources, gpus: 1 };
/** The operators of the workers of a pick. */
const operators = ["noop", "bash", "python"] as const;
/** What another worker with a free slot has. */
const wishes = { required: {}, preferred: { ssd: "true" } };
/** Longer than it all takes. */
const leaseMs = 86_400_000;

/** Tasks of each DAG that may be taken, beside those that nobody may take. */
const few = 5;

/** What a pick among 200 DAGs costs, with little and with 100,000 instances waiting that may be taken, or that nobody may take. */
export async function benchDispatch(): Promise<void> {
  const fillings = [
    { name: `of ${dags * few}`, specs: specsOf(few) },
    { name: `of ${dags * tasksOfEach}`, specs: specsOf(tasksOfEach) },
    { name: "beside a full pool", specs: [...specsOf(few), ...specsOf(tasksOfEach, { pool: "full" })] },
    { name: "beside a queue without worker", specs: [...specsOf(few), ...specsOf(tasksOfEach, { queue: "nobody" })] },
    { name: "beside labels of no worker", specs: [...specsOf(few), ...specsOf(tasksOfEach, { labels })] },
    { name: "beside resources of no worker", specs: [...specsOf(few), ...specsOf(tasksOfEach, { requests })] },
    {
      name: "beside an operator of no worker",
      specs: [...specsOf(few), ...specsOf(tasksOfEach, { operatorType: "unheard" })],
    },
    { name: "beside wishes for another worker", specs: [...specsOf(few), ...specsOf(tasksOfEach, { labels: wishes })] },
    {
      name: `of ${dags * few} of three operators`,
      specs: specsOf(few).map((spec, place) => ({ ...spec, operatorType: operators[place % 3] ?? "noop" })),
    },
  ];
  const database = await startBenchDatabase(fillings.map((_, place) => `dispatch${place}`));
  try {
    const stores: Store[] = [];
    for (const [place, { specs }] of fillings.entries())
      stores.push(await openFilled(database.urls[place] ?? "", specs));
    const contenders = picks.flatMap((limit) =>
      stores.map((store, place) => ({
        name: `pick ${limit} ${fillings[place]?.name}`,
        run: () => timePick(store, limit),
      })),
    );
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

function specsOf(count: number, more: Partial<TaskSpec> = {}): readonly TaskSpec[] {
  const [kind = "t"] = Object.keys(more);
  return Array.from({ length: count }, (_, place) => ({ id: `${kind}${place}`, priority: place % 3, ...more }));
}

async function openFilled(connectionString: string, specs: readonly TaskSpec[]): Promise<Store> {
  await migrate({ connectionString, logger });
  const store = await openPostgresStore({ connectionString, poolSize: 4, toPlan: planOfSpec, logger });
  await store.limits.setPool({ name: "full", size: 0, description: "" });
  const preferred = await registerWorker(store, hello("preferred", { labels: wishes.preferred, leaseMs }));
  await store.workers.beat([beatOf(preferred, { leaseMs })]);
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
    oldestAt: limit === 1 ? [] : [0],
    traits: { labels: {}, operators, capabilities: [] },
    rooms: [{ ...noResources, milliCpus: 8000 }],
  });
  const elapsedMs = performance.now() - start;
  if (picked.length !== limit) throw new Error(`picked ${picked.length} of ${limit}`);
  return elapsedMs;
}
