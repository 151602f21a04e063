import type { Plan, PlanTask } from "#core/plan.ts";
import type { Instance, RunRow } from "#core/run-model.ts";
import { SortedList } from "./sorted-list.ts";
import { TimeHeap } from "./time-heap.ts";

/** Names an instance among all runs. */
export interface InstanceRef {
  readonly runKey: number;
  readonly ordinal: number;
}

/** A queued instance in the dispatcher's order. */
interface ReadyEntry extends InstanceRef {
  readonly priority: number;
  readonly dagPriority: number;
  readonly queuedAt: number;
}

export type TimedKind = "retry" | "deferral" | "queue_timeout" | "retry_timeout" | "run_timeout";

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
  readonly ready = new SortedList<ReadyEntry>(compareReady);
  readonly timed = new TimeHeap<TimedRef>();
  /** Instances whose attempt may be alive, by worker. */
  readonly held = new Map<number, Map<number, InstanceRef>>();
  readonly awaiting = new Map<number, InstanceRef>();
  readonly #readyEntries = new Map<number, ReadyEntry>();

  /** Follows a change; `before` is undefined for a new instance. */
  update(run: RunRow, plan: Plan, before: Instance | undefined, after: Instance): void {
    const ref = { runKey: run.runKey, ordinal: after.ordinal };
    const key = run.runKey * ordinalSpan + after.ordinal;
    this.#updateReady(key, ref, plan, after);
    if (before?.held && before.workerKey !== null) this.held.get(before.workerKey)?.delete(key);
    if (after.held && after.workerKey !== null) {
      const ofWorker = this.held.get(after.workerKey) ?? new Map<number, InstanceRef>();
      this.held.set(after.workerKey, ofWorker.set(key, ref));
    }
    if (after.awaitsEvaluation) this.awaiting.set(key, ref);
    else this.awaiting.delete(key);
    const task = plan.tasks[after.task];
    if (task === undefined) return;
    for (const kind of instanceKinds) {
      const at = timeOf(kind, after, task);
      if (at !== null && (before === undefined || at !== timeOf(kind, before, task)))
        this.timed.push({ at, ...ref, kind });
    }
  }

  #updateReady(key: number, ref: InstanceRef, plan: Plan, after: Instance): void {
    const known = this.#readyEntries.get(key);
    const isReady = after.state === "queued" && !after.held && after.itemsTotal === 0 && after.waitsFor === null;
    if (known !== undefined) {
      if (isReady && known.queuedAt === (after.queuedAt ?? 0)) return;
      this.ready.remove(known);
      this.#readyEntries.delete(key);
    }
    if (!isReady) return;
    const entry = {
      ...ref,
      priority: plan.tasks[after.task]?.priority ?? 0,
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

/** Task priority, DAG priority, age; then the order of runs and tasks. */
function compareReady(a: ReadyEntry, b: ReadyEntry): number {
  return (
    b.priority - a.priority ||
    b.dagPriority - a.dagPriority ||
    a.queuedAt - b.queuedAt ||
    a.runKey - b.runKey ||
    a.ordinal - b.ordinal
  );
}
