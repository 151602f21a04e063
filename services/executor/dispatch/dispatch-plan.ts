import type { PlannedClaim } from "#ports/executor-backend.ts";
import type { PickedInstance } from "#ports/queued-instance.ts";

export interface WorkerSlots {
  readonly workerKey: number;
  readonly freeSlots: number;
}

/** Gives picked instances, best first, to the workers with the most free slots; what finds no slot waits. */
export function planDispatch(
  picked: readonly PickedInstance[],
  workers: readonly WorkerSlots[],
): readonly PlannedClaim[] {
  const free = workers.filter((worker) => worker.freeSlots > 0).map((worker) => ({ ...worker }));
  const planned: PlannedClaim[] = [];
  for (const instance of picked) {
    const best = free.reduce<{ workerKey: number; freeSlots: number } | null>(
      (most, worker) => (worker.freeSlots > (most?.freeSlots ?? 0) ? worker : most),
      null,
    );
    if (best === null) break;
    best.freeSlots -= 1;
    planned.push({ workerKey: best.workerKey, instance });
  }
  return planned;
}
