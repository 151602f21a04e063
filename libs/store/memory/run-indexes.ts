import type { Plan, PlanTask } from "#core/plan.ts";
import type { Instance, RunRow } from "#core/run-model.ts";
import { type ReadyEntry, ReadyQueue } from "./ready-queue.ts";
import { TimeHeap } from "./time-heap.ts";

/** Names an instance among all runs. */
export interface InstanceRef {
  readonly runKey: number;
  readonly ordinal: number;
}

export type TimedKind = "retry" | "deferral" | "queue_timeout" | "retry_timeout" | "run_timeout" | "deadline";

export interface TimedRef {
  readonly at: number;
  readonly runKey: number;
  /** Null: the run itself. */
  readonly ordinal: number | null;
  readonly kind: TimedKind;
}

/** More instances than a run can have; keeps run and ordinal in one number. */
const ordinalSpan = 2 ** 26;

/** What the dispatcher, the timers and the reaper look for, kept with every change so that no look scans a run. */
export class RunIndexes {
  readonly ready = new ReadyQueue();
  readonly timed = new TimeHeap<TimedRef>();
  /** Instances whose attempt may be alive, by worker. */
  readonly held = new Map<number, Map<number, InstanceRef>>();
  readonly awaiting = new Map<number, InstanceRef>();
  /** Queued instances that wait for something else than a worker. */
  readonly waiting = new Map<number, InstanceRef>();
  readonly #readyEntries = new Map<number, ReadyEntry>();
  readonly #out = new Map<number, number>();

  /** Follows a change; `before` is null for a new instance. */
  update(run: RunRow, plan: Plan, after: Instance, before: { row: Instance; plan: Plan } | null): void {
    const ref = { runKey: run.runKey, ordinal: after.ordinal };
    const key = run.runKey * ordinalSpan + after.ordinal;
    this.#updateReady(key, { run, ref, plan, after });
    this.#countOut(run.dagKey, before?.row.held ?? false, after.held);
    if (before?.row.held && before.row.workerKey !== null) this.held.get(before.row.workerKey)?.delete(key);
    if (after.held && after.workerKey !== null) {
      const ofWorker = this.held.get(after.workerKey) ?? new Map<number, InstanceRef>();
      this.held.set(after.workerKey, ofWorker.set(key, ref));
    }
    if (after.awaitsEvaluation) this.awaiting.set(key, ref);
    else this.awaiting.delete(key);
    if (after.state === "queued" && after.waitsFor !== null) this.waiting.set(key, ref);
    else this.waiting.delete(key);
    const task = plan.tasks[after.task];
    const taskBefore = before?.plan.tasks[before.row.task];
    if (task === undefined) return;
    for (const kind of instanceKinds) {
      const at = timeOf(kind, after, task);
      const atBefore = before === null || taskBefore === undefined ? null : timeOf(kind, before.row, taskBefore);
      if (at !== null && at !== atBefore) this.timed.push({ at, ...ref, kind });
    }
  }

  /** Attempts of a DAG that may be alive. */
  attemptsOut(dagKey: number): number {
    return this.#out.get(dagKey) ?? 0;
  }

  #countOut(dagKey: number, wasHeld: boolean, isHeld: boolean): void {
    if (wasHeld !== isHeld) this.#out.set(dagKey, this.attemptsOut(dagKey) + (isHeld ? 1 : -1));
  }

  #updateReady(
    key: number,
    { run, ref, plan, after }: { run: RunRow; ref: InstanceRef; plan: Plan; after: Instance },
  ): void {
    const known = this.#readyEntries.get(key);
    const priority = plan.tasks[after.task]?.priority ?? 0;
    const isReady = after.state === "queued" && !after.held && after.itemsTotal === 0 && after.waitsFor === null;
    if (known !== undefined) {
      const isSame = known.priority === priority && known.dagPriority === plan.priority;
      if (isReady && isSame && known.queuedAt === (after.queuedAt ?? 0)) return;
      this.ready.remove(known);
      this.#readyEntries.delete(key);
    }
    if (!isReady) return;
    const entry = {
      ...ref,
      dagKey: run.dagKey,
      priority,
      dagPriority: plan.priority,
      queuedAt: after.queuedAt ?? 0,
    };
    this.ready.add(entry);
    this.#readyEntries.set(key, entry);
  }
}

const instanceKinds = ["retry", "deferral", "queue_timeout", "retry_timeout"] as const;

/** When something of this kind comes due for the instance as it is; null when nothing will. */
export function timeOf(kind: (typeof instanceKinds)[number], instance: Instance, task: PlanTask): number | null {
  switch (kind) {
    case "retry":
      return instance.state === "up_for_retry" ? instance.dueAt : null;
    case "deferral":
      return instance.state === "queued" ? instance.dueAt : null;
    case "queue_timeout":
      return instance.state === "queued" && instance.itemsTotal === 0
        ? plus(instance.queuedAt, task.queueTimeoutMs)
        : null;
    case "retry_timeout":
      return isUnderWay(instance) && instance.itemsTotal === 0
        ? plus(instance.firstStartedAt, task.retry.retryTimeoutMs)
        : null;
  }
}

function isUnderWay({ state }: Instance): boolean {
  return state === "queued" || state === "running" || state === "up_for_retry";
}

function plus(at: number | null, durationMs: number | null): number | null {
  return at === null || durationMs === null ? null : at + durationMs;
}
