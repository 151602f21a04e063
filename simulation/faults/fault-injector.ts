import type { RunEvent } from "#core/run-event.ts";
import type { SimClient } from "../actors/sim-client.ts";
import type { SimExecutor } from "../actors/sim-executor.ts";
import type { SimScheduler } from "../actors/sim-scheduler.ts";
import type { SimWorker } from "../actors/sim-worker.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import type { Direction, Network } from "../world/network.ts";
import type { SimBroker } from "../world/sim-broker.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { World } from "../world/world.ts";
import type { TimedFault } from "./fault-plan.ts";

/** Who repairs runs here. */
const operator = { by: "operator", note: "" };

export interface FaultTargets {
  readonly world: World;
  readonly network: Network;
  readonly database: SimDatabase;
  readonly broker: SimBroker | null;
  readonly executors: readonly SimExecutor[];
  readonly schedulers: readonly SimScheduler[];
  readonly workers: readonly SimWorker[];
  readonly client: SimClient;
}

const directions: readonly Direction[] = ["both", "there", "back"];
const restartAtLeastMs = 20;

/** Does what a fault says, and undoes it when its time is over. */
export function injectFault(targets: FaultTargets, fault: TimedFault): void {
  const { world, network, database, executors, workers } = targets;
  const executor = pickOf(executors, fault.pick);
  const worker = pickOf(workers, fault.pick);
  const say = (text: string): void => world.note("fault", `${fault.kind} ${text}`);
  switch (fault.kind) {
    case "worker_crash":
      say(worker.process.name);
      restartLater(
        targets,
        worker.process,
        fault.durationMs,
        () => worker.crash(),
        () => worker.start(),
      );
      return;
    case "worker_pause":
      say(`${worker.process.name} for ${fault.durationMs.toFixed(0)} ms`);
      worker.process.pause(fault.durationMs);
      return;
    case "worker_drain":
      if (!worker.isUp) return;
      say(worker.process.name);
      worker.drain(() => world.in(restartAtLeastMs + fault.durationMs, () => worker.start()));
      return;
    case "executor_crash":
      say(executor.process.name);
      restartLater(
        targets,
        executor.process,
        fault.durationMs,
        () => executor.crash(),
        () => executor.start(),
      );
      return;
    case "executor_pause":
      say(`${executor.process.name} for ${fault.durationMs.toFixed(0)} ms`);
      executor.process.pause(fault.durationMs);
      return;
    case "scheduler_crash":
    case "scheduler_pause":
      hitScheduler(targets, fault);
      return;
    case "link_cut": {
      const direction = pickOf(directions, fault.pick >> 4);
      say(`${worker.process.name} ${executor.process.name} ${direction} for ${fault.durationMs.toFixed(0)} ms`);
      network.cut(worker.process, executor.process, fault.durationMs, direction);
      return;
    }
    case "link_reset":
      say(worker.process.name);
      network.reset(worker.process);
      return;
    case "database_away":
      say(`for ${(fault.durationMs / 2).toFixed(0)} ms`);
      if (fault.pick % 2 === 0) database.goAway(fault.durationMs / 2);
      else cutFromDatabase(targets, executor.process, fault.durationMs);
      return;
    case "bus_away":
    case "bus_rewound":
      hitBroker(targets, fault);
      return;
    case "cancel":
    case "clear":
    case "mark":
    case "run_pause":
      changeRun(targets, fault);
  }
}

function hitBroker({ world, broker }: FaultTargets, { kind, durationMs }: TimedFault): void {
  world.note("fault", `${kind} for ${(durationMs / 2).toFixed(0)} ms`);
  if (kind === "bus_away") broker?.goAway(durationMs / 2);
  else broker?.rebalance();
}

function restartLater(
  { world, network }: FaultTargets,
  process: SimProcess,
  durationMs: number,
  crash: () => void,
  start: () => void,
): void {
  if (!process.isAlive) return;
  crash();
  network.reset(process);
  world.in(restartAtLeastMs + durationMs, start);
}

/** Where there are schedulers: the one that leads is hit as often as the other. */
function hitScheduler(targets: FaultTargets, { kind, durationMs, pick }: TimedFault): void {
  const scheduler = targets.schedulers[pick % Math.max(1, targets.schedulers.length)];
  if (scheduler === undefined) return;
  targets.world.note("fault", `${kind} ${scheduler.process.name} for ${durationMs.toFixed(0)} ms`);
  if (kind === "scheduler_pause") scheduler.process.pause(durationMs);
  else
    restartLater(
      targets,
      scheduler.process,
      durationMs,
      () => scheduler.crash(),
      () => scheduler.start(),
    );
}

function cutFromDatabase({ world, database }: FaultTargets, process: SimProcess, durationMs: number): void {
  database.cutOff(process, true);
  world.in(durationMs, () => database.cutOff(process, false));
}

/** Something that a person does to a run. */
function changeRun({ world, database, client }: FaultTargets, { kind, pick, durationMs }: TimedFault): void {
  const runs = [...database.state.runs.values()];
  const run = runs[pick % Math.max(1, runs.length)];
  if (run === undefined) return;
  const ordinal = (pick >> 3) % run.plan.tasks.length;
  const { runKey } = run.row;
  world.note("client", `${kind} run ${runKey}${kind === "clear" || kind === "mark" ? ` instance ${ordinal}` : ""}`);
  const event = toEvent(kind, ordinal, pick);
  if (event === null) return;
  const resume = (): void => client.change(runKey, { kind: "pause", isPaused: false });
  client.change(runKey, event, () => kind === "run_pause" && world.in(durationMs, resume));
}

function toEvent(kind: TimedFault["kind"], ordinal: number, pick: number): RunEvent | null {
  switch (kind) {
    case "cancel":
      return { kind: "cancel", reason: "simulated" };
    case "clear":
      return { kind: "clear", ordinals: [ordinal], includeDownstream: true, author: operator };
    case "mark":
      return {
        kind: "mark",
        ordinals: [ordinal],
        state: pickOf(["success", "failed", "skipped"] as const, pick >> 5),
        includeDownstream: pick % 2 === 0,
        author: operator,
      };
    case "run_pause":
      return { kind: "pause", isPaused: true };
    default:
      return null;
  }
}

function pickOf<T>(list: readonly T[], pick: number): T {
  const item = list[pick % list.length];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}
