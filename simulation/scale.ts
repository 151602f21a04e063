import { plainRuns } from "#core/plan.ts";
import { buildGraph } from "#core/graph.ts";
import type { Plan } from "#core/plan.ts";
import { createMemoryDefinitions } from "#store/memory/definition-store.ts";
import type { Deployment } from "./actors/deployment.ts";
import { connectSession } from "./actors/session-stream.ts";
import { SimClient } from "./actors/sim-client.ts";
import { SimExecutor } from "./actors/sim-executor.ts";
import { SimWorker } from "./actors/sim-worker.ts";
import { type DatabaseCapacity, SimDatabase } from "./database/sim-database.ts";
import { SimWakes } from "./database/sim-wakes.ts";
import { Ledger } from "./invariants/ledger.ts";
import { quietTask } from "./workload/quiet-task.ts";
import { newRun, register } from "./workload/start-runs.ts";
import { randomScript } from "./workload/task-script.ts";
import { outsideMicrotasks } from "./world/microtasks.ts";
import { Network } from "./world/network.ts";
import { createSimLogger } from "./world/sim-logger.ts";
import { SimProcess } from "./world/sim-process.ts";
import { World } from "./world/world.ts";

export interface ScaleOptions {
  readonly executors: number;
  readonly workers: number;
  readonly slotsPerWorker: number;
  /** Tasks of each DAG, all without dependencies and queued at once; a DAG's place is its age. */
  readonly dagSizes: readonly number[];
  /** A DAG of more has several runs. */
  readonly tasksPerRun: number;
  readonly taskMs: number;
  readonly database: DatabaseCapacity;
}

export interface DagWait {
  readonly tasks: number;
  /** From queued to running, milliseconds. */
  readonly p99Ms: number;
}

export interface ScaleResult {
  readonly hopsPerSecond: number;
  readonly lastedMs: number;
  readonly waits: readonly DagWait[];
  readonly violations: readonly string[];
}

const limitMs = 3_600_000;
const allStartedMs = 1;

/** A large system without faults: how fast it goes when the database is what limits it, and how fair it is. */
export function simulateScale(options: ScaleOptions): Promise<ScaleResult> {
  return outsideMicrotasks(() => runScale(options));
}

function runScale(options: ScaleOptions): ScaleResult {
  const world = new World(1, { keepsTrace: false });
  const waits = options.dagSizes.map((): number[] => []);
  const dagPlaces = new Map<number, number>();
  const database = new SimDatabase(world, {
    rate: 1,
    capacity: options.database,
    check: (before, { decision }, _after, now) => {
      const place = dagPlaces.get(before.run.dagKey);
      for (const change of decision.attempts)
        if (change.kind === "opened" && place !== undefined)
          waits[place]?.push(now - (before.instances[change.ordinal]?.queuedAt ?? now));
    },
  });
  const { client, executors, workers } = createCluster(world, database, options);
  for (const executor of executors) executor.start();
  const runCount = startDags(world, { database, client, dagPlaces, options });
  // Workers come when everything is queued: the order is the dispatcher's alone.
  world.in(allStartedMs * 1000, () => {
    for (const worker of workers) worker.start();
  });
  const isOver = (): boolean =>
    database.state.runs.size === runCount && [...database.state.runs.values()].every(({ row }) => row.endedAt !== null);
  world.run(isOver, limitMs);
  const lastedMs = world.now - allStartedMs * 1000;
  const hops = options.dagSizes.reduce((sum, size) => sum + size, 0);
  return {
    hopsPerSecond: (hops / lastedMs) * 1000,
    lastedMs,
    violations: world.violations,
    waits: waits.map((list, place) => ({ tasks: options.dagSizes[place] ?? 0, p99Ms: percentile(list, 0.99) })),
  };
}

/** Plans the runs of all DAGs, in their order; answers how many there are. */
function startDags(
  world: World,
  parts: {
    readonly database: SimDatabase;
    readonly client: SimClient;
    /** Filled with the place of each DAG by its key. */
    readonly dagPlaces: Map<number, number>;
    readonly options: ScaleOptions;
  },
): number {
  const { database, client, dagPlaces, options } = parts;
  const definitions = createMemoryDefinitions(database.state);
  let runCount = 0;
  options.dagSizes.forEach((size, place) => {
    const runs = Math.ceil(size / options.tasksPerRun);
    const first = runCount;
    runCount += runs;
    void register(definitions, `dag-${place}`, widePlan(Math.ceil(size / runs))).then((keys) => {
      dagPlaces.set(keys.dagKey, place);
      for (let run = 0; run < runs; run += 1)
        world.in(place / options.dagSizes.length, () => client.trigger(newRun(keys, first + run), 1));
    });
  });
  return runCount;
}

interface Cluster {
  readonly client: SimClient;
  readonly executors: readonly SimExecutor[];
  readonly workers: readonly SimWorker[];
}

function createCluster(world: World, database: SimDatabase, options: ScaleOptions): Cluster {
  const wakes = new SimWakes(world);
  const network = new Network(world);
  const ledger = new Ledger(world, database);
  const logger = createSimLogger(world);
  const deployment: Deployment = {
    handOff: true,
    backend: "stream",
    redispatchAfterMs: 15_000,
    leaseMs: 15_000,
    beatMs: 5000,
    scanMs: 5000,
    drainTimeoutMs: 1000,
    evaluate: () => ({ kind: "run" }),
  };
  const newProcess = (name: string): SimProcess => new SimProcess(world, name, { rate: 1, offsetMs: 0 });
  const executors = Array.from(
    { length: options.executors },
    (_, place) =>
      new SimExecutor(newProcess(`executor-${place}`), { database, wakes, broker: null, deployment, logger }),
  );
  const script = randomScript(world.seed, {
    fails: false,
    maxDurationMs: options.taskMs * 4,
    now: () => database.now(),
  });
  const workers = Array.from({ length: options.workers }, (_, place) => {
    const process = newProcess(`worker-${place}`);
    return new SimWorker(process, newProcess(`runner-${place}`), {
      deployment,
      broker: null,
      slots: options.slotsPerWorker,
      ledger,
      logger,
      script,
      executorCount: 1,
      keepsSpool: true,
      connect: (_executor, handlers) =>
        connectSession({ world, network, ledger, process, executor: executors[place % executors.length] }, handlers),
    });
  });
  const client = new SimClient(world, newProcess("client"), { database, wakes, executors });
  return { client, executors, workers };
}

function widePlan(size: number): Plan {
  const tasks = Array.from({ length: size }, (_, place) => ({ ...quietTask, id: `t${place}` }));
  return { tasks, graph: buildGraph(tasks.map(() => ({ parents: [] }))), ...plainRuns };
}

function percentile(list: readonly number[], share: number): number {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
