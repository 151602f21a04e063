import type { RunAggregate } from "#core/run-model.ts";
import type { Deployment } from "./actors/deployment.ts";
import { SimClient } from "./actors/sim-client.ts";
import { SimExecutor } from "./actors/sim-executor.ts";
import { SimScheduler } from "./actors/sim-scheduler.ts";
import { SimWorker } from "./actors/sim-worker.ts";
import { connectSession } from "./actors/session-stream.ts";
import { SimDatabase, type TransactionCheck } from "./database/sim-database.ts";
import { SimWakes } from "./database/sim-wakes.ts";
import { injectFault } from "./faults/fault-injector.ts";
import { busTimedKinds, drawTimedFaults, type TimedFault, timedKinds } from "./faults/fault-plan.ts";
import {
  busFaultKinds,
  busFaults,
  databaseFaults,
  drawFaults,
  type FaultKind,
  faultKinds,
} from "./faults/fault-rates.ts";
import { checkEnd, runsOfDate } from "./invariants/check-end.ts";
import { checkLimits } from "./invariants/check-limits.ts";
import { checkTransaction } from "./invariants/check-transaction.ts";
import { Ledger } from "./invariants/ledger.ts";
import { randomScript } from "./workload/task-script.ts";
import { planScheduledDag, registerScheduledDag, type ScheduledDag } from "./workload/scheduled-dag.ts";
import { startRuns } from "./workload/start-runs.ts";
import { outsideMicrotasks } from "./world/microtasks.ts";
import { Network } from "./world/network.ts";
import { RandomStream } from "./world/random.ts";
import { SimBroker } from "./world/sim-broker.ts";
import { createSimLogger } from "./world/sim-logger.ts";
import { SimProcess } from "./world/sim-process.ts";
import { World } from "./world/world.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** Tasks of all its runs together. */
  readonly taskCount?: number;
  readonly without?: ReadonlySet<FaultKind>;
  /** By default half of the seeds have tickets. */
  readonly backend?: Deployment["backend"];
  readonly keepsTrace?: boolean;
  /** Looks at every transaction too, beside the quick check. */
  readonly check?: (
    before: RunAggregate,
    decided: Parameters<TransactionCheck>[1],
    after: RunAggregate,
  ) => readonly string[];
}

export interface SimulationResult {
  readonly seed: number;
  readonly faults: readonly FaultKind[];
  readonly violations: readonly string[];
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly attempts: number;
  readonly transactions: number;
  readonly events: number;
  /** Simulated milliseconds until all had ended. */
  readonly lastedMs: number;
}

const faultsEndMs = 8000;
/** After the faults everything has this long to end. */
const recoveryMs = 180_000;
const maxTimedFaults = 6;
const resumeEveryMs = 20_000;
/** Of the seeds, those with two schedulers and a schedule. */
const scheduledShare = 0.25;

/** One seed: a system, a workload, faults for a while, and then everything must end well. */
export function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return outsideMicrotasks(() => simulateNow(options));
}

function simulateNow(options: SimulationOptions): SimulationResult {
  const { seed, taskCount = 20, without = new Set<FaultKind>() } = options;
  const world = new World(seed, { keepsTrace: options.keepsTrace ?? false });
  const random = new RandomStream(seed, "plan");
  const backend = options.backend ?? (new RandomStream(seed, "backend").chance(0.5) ? "kafka" : "stream");
  const drawn = drawFaults(faultKinds, new RandomStream(seed, "faults"), without);
  const ofBus = drawFaults(busFaultKinds, new RandomStream(seed, "faults of the bus"), without);
  const faults = backend === "kafka" ? new Set([...drawn, ...ofBus]) : drawn;
  const system = createSystem(world, random, faults, { ...options, backend });
  for (const process of [...system.executors, ...system.schedulers]) process.start();
  for (const worker of system.workers) worker.start();
  const { isStarted } = startRuns(world, {
    random,
    waits: new RandomStream(seed, "waits"),
    hooks: new RandomStream(seed, "hooks"),
    limits: new RandomStream(seed, "limits"),
    database: system.database,
    client: system.client,
    faults,
    taskCount,
  });
  planFaults(world, system, faults);
  const isOver = (): boolean =>
    isStarted() &&
    hasAllScheduled(system) &&
    system.client.isIdle &&
    world.now > system.quietFrom() &&
    allEnded(system.database);
  const isDone = world.run(isOver, faultsEndMs + recoveryMs);
  if (!isDone && world.violations.length === 0)
    world.violate(`not over ${recoveryMs / 1000} s after the last fault (I1, G2): ${openWork(system.database)}`);
  if (world.violations.length === 0) for (const problem of checkEnd(system)) world.violate(problem);
  return {
    seed,
    faults: [...faults],
    violations: world.violations,
    traceHash: world.trace.hash,
    trace: world.trace.lines(Number.POSITIVE_INFINITY),
    attempts: system.ledger.startCount,
    transactions: system.transactions(),
    events: world.eventCount,
    lastedMs: world.now,
  };
}

interface System {
  readonly network: Network;
  readonly database: SimDatabase;
  readonly wakes: SimWakes;
  readonly broker: SimBroker | null;
  readonly executors: readonly SimExecutor[];
  readonly workers: readonly SimWorker[];
  readonly schedulers: readonly SimScheduler[];
  /** Null: this seed has no schedule. */
  readonly scheduled: ScheduledDag | null;
  readonly client: SimClient;
  readonly ledger: Ledger;
  readonly leaseMs: number;
  readonly transactions: () => number;
  /** Until then something is still planned. */
  quietFrom: () => number;
}

function createSystem(
  world: World,
  random: RandomStream,
  faults: ReadonlySet<FaultKind>,
  { check, backend }: Pick<SimulationOptions, "check"> & Pick<Deployment, "backend">,
): System {
  let transactions = 0;
  const checkAll: TransactionCheck = (before, decided, after, now) => {
    transactions += 1;
    noteTransaction(world, decided);
    for (const problem of checkTransaction(before, decided, after, now)) world.violate(problem);
    for (const problem of checkLimits(database.state, after)) world.violate(problem);
    for (const problem of check?.(before, decided, after) ?? []) world.violate(problem);
  };
  const drift = (): number => (faults.has("clock_rates") ? random.between(0.995, 1.005) : 1);
  const database = new SimDatabase(world, { rate: drift(), check: checkAll });
  const wakes = new SimWakes(world);
  const network = new Network(world);
  const broker = backend === "kafka" ? new SimBroker(world) : null;
  const ledger = new Ledger(world, database);
  const deployment = drawDeployment(random, backend);
  const logger = createSimLogger(world);
  const newProcess = (name: string, rate = drift()): SimProcess =>
    new SimProcess(world, name, { rate, offsetMs: random.below(1_000_000) });
  const executors = Array.from(
    { length: 1 + random.below(2) },
    (_, place) => new SimExecutor(newProcess(`executor-${place}`), { database, wakes, broker, deployment, logger }),
  );
  const maxDurationMs = random.pick([10, 100, 1000, 6000]);
  const script = randomScript(world.seed, { fails: faults.has("failures"), maxDurationMs, now: () => database.now() });
  const workers = Array.from({ length: 1 + random.below(3) }, (_, place) => {
    const rate = drift();
    const process = newProcess(`worker-${place}`, rate);
    return new SimWorker(process, newProcess(`runner-${place}`, rate), {
      deployment,
      slots: 1 + random.below(4),
      ledger,
      logger,
      script,
      broker,
      executorCount: executors.length,
      keepsSpool: !faults.has("spool_lost"),
      connect: (executor, handlers) =>
        connectSession({ world, network, ledger, process, executor: executors[executor] }, handlers),
    });
  });
  const client = new SimClient(world, newProcess("client"), { database, wakes, executors });
  const scheduled = random.chance(scheduledShare) ? planScheduledDag(database.now() + 500) : null;
  if (scheduled !== null) registerScheduledDag(database, scheduled);
  const schedulers = Array.from(
    { length: scheduled === null ? 0 : 2 },
    (_, place) => new SimScheduler(newProcess(`scheduler-${place}`), { database, wakes, logger }, scheduled),
  );
  return {
    network,
    database,
    wakes,
    broker,
    executors,
    workers,
    schedulers,
    scheduled,
    client,
    ledger,
    leaseMs: deployment.leaseMs,
    transactions: () => transactions,
    quietFrom: () => 0,
  };
}

function drawDeployment(random: RandomStream, backend: Deployment["backend"]): Deployment {
  return {
    handOff: random.chance(0.5),
    backend,
    redispatchAfterMs: 2000,
    leaseMs: 3000,
    beatMs: 900,
    scanMs: 1500,
    drainTimeoutMs: 1000,
    evaluate: (_run, instance) => {
      const draw = (instance.ordinal * 7919 + instance.generation) % 10;
      if (draw < 3) return { kind: "run" };
      if (draw < 5) return { kind: "skip" };
      return { kind: "fan_out", items: Array.from({ length: (draw % 3) + 1 }, (_, place) => ({ key: String(place) })) };
    },
  };
}

/** Faults of a rate last until faults end; timed ones happen when they were drawn for. */
function planFaults(world: World, system: System, faults: ReadonlySet<FaultKind>): void {
  const { database, network, wakes, broker, leaseMs } = system;
  const random = new RandomStream(world.seed, "timed faults");
  database.setFaults(databaseFaults(random, faults));
  network.setSlow(faults.has("link_slow"));
  wakes.setLostShare(faults.has("wakes_lost") ? random.next() : 0);
  const ofBus = new RandomStream(world.seed, "timed faults of the bus");
  broker?.setFaults(busFaults(ofBus, faults));
  const limits = { untilMs: faultsEndMs / 2, most: maxTimedFaults, leaseMs };
  const timed: readonly TimedFault[] = [
    ...drawTimedFaults(timedKinds, random, faults, limits),
    ...drawTimedFaults(busTimedKinds, ofBus, faults, limits),
  ];
  const lastAt = Math.max(0, ...timed.map(({ atMs }) => atMs));
  for (const fault of timed) world.at(fault.atMs, null, () => injectFault({ world, ...system }, fault));
  system.quietFrom = () => lastAt;
  world.at(faultsEndMs, null, () => {
    world.note("world", "faults end");
    database.setFaults(null);
    broker?.setFaults(null);
    network.setSlow(false);
    network.heal();
    wakes.setLostShare(0);
  });
  for (let at = faultsEndMs + resumeEveryMs; at < faultsEndMs + recoveryMs; at += resumeEveryMs)
    world.at(at, null, () => resumePaused(system));
}

/** A late copy of a request to pause may come after the one to resume; people look again. */
function resumePaused({ database, client }: System): void {
  for (const { row } of database.state.runs.values())
    if (row.isPaused && row.endedAt === null) client.change(row.runKey, { kind: "pause", isPaused: false });
}

function noteTransaction(world: World, { before, decision }: Parameters<TransactionCheck>[1]): void {
  const { trace } = world;
  trace.mix(before.run.runKey);
  trace.mix(decision.expectedSequence);
  for (const { next } of decision.instances) trace.mix(next.ordinal * 64 + next.fence);
  if (!trace.keepsLines) return;
  const rows = decision.instances.map(({ next }) => {
    const row = before.instances[next.ordinal];
    return `t${next.task}${next.mapIndex === null ? "" : `[${next.mapIndex}]`} ${row?.state ?? "-"}→${next.state}#${next.fence}${next.held ? ` held by ${next.workerKey}` : ""}`;
  });
  world.note("database", `run ${before.run.runKey}@${decision.run.sequence} ${decision.run.state}: ${rows.join(", ")}`);
}

function hasAllScheduled({ database, scheduled }: System): boolean {
  return scheduled === null || scheduled.dates.every((date) => runsOfDate(database, scheduled, date).length > 0);
}

function allEnded(database: SimDatabase): boolean {
  for (const { row } of database.state.runs.values()) if (row.endedAt === null) return false;
  return true;
}

function openWork(database: SimDatabase): string {
  const rows = [...database.state.runs.values()].flatMap(({ row, instances }) =>
    instances
      .filter(({ endedAt, held }) => endedAt === null || held)
      .map(
        (instance) =>
          `run ${row.runKey} t${instance.task} ${instance.state}${instance.held ? " held" : ""}${row.isPaused ? " (paused)" : ""}`,
      ),
  );
  return rows.slice(0, 5).join(", ");
}
