import type { QueuedInstance, StampedInstance } from "#ports/queued-instance.ts";
import type { Instance } from "#core/run-model.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredRun } from "./stored-run.ts";

/** When a ticket of an instance was published, in which life of it; a stamp of an older fence means nothing. */
export interface DispatchStamp {
  readonly fence: number;
  /** Null: taken back. */
  readonly at: number | null;
}

export function wasDispatched(run: StoredRun, { ordinal, fence }: Instance): boolean {
  return run.stamps.get(ordinal)?.fence === fence;
}

/** It has a ticket out that is younger than that. */
export function isStampedWithin(state: MemoryState, run: StoredRun, instance: Instance, milliseconds: number): boolean {
  const at = wasDispatched(run, instance) ? (run.stamps.get(instance.ordinal)?.at ?? null) : null;
  return at !== null && at > state.now() - milliseconds;
}

export function stampDispatched(
  state: MemoryState,
  instances: readonly QueuedInstance[],
  redispatchAfterMs: number,
): readonly StampedInstance[] {
  return instances.flatMap((queued) => {
    const found = findQueued(state, queued);
    if (found === null || isStampedWithin(state, found.run, found.instance, redispatchAfterMs)) return [];
    const { run, instance } = found;
    const { task, mapIndex, ordinal, fence, generation, tryNumber } = instance;
    run.stamps.set(ordinal, { fence, at: state.now() });
    const { id: taskId = "", queue = "" } = run.plan.tasks[task] ?? {};
    const { runKey, runId } = run.row;
    return [{ runKey, ordinal, generation, tryNumber: tryNumber + 1, runId, taskId, mapIndex, queue }];
  });
}

export function clearDispatched(state: MemoryState, instances: readonly QueuedInstance[]): void {
  for (const queued of instances) {
    const found = findQueued(state, queued);
    const stamp = found?.run.stamps.get(queued.ordinal);
    if (stamp !== undefined) found?.run.stamps.set(queued.ordinal, { ...stamp, at: null });
  }
}

/** The instance, if it is still that which was picked. */
function findQueued(
  state: MemoryState,
  { runKey, ordinal, generation, tryNumber }: QueuedInstance,
): { readonly run: StoredRun; readonly instance: Instance } | null {
  const run = state.runs.get(runKey);
  const instance = run?.instances[ordinal];
  if (run === undefined || instance === undefined) return null;
  const isSame = instance.generation === generation && instance.tryNumber + 1 === tryNumber;
  return isSame && instance.state === "queued" && !instance.held ? { run, instance } : null;
}
