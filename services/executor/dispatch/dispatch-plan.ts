import { hasRoom, noResources, type ResourceAmounts, roomLeft } from "#core/resource-amounts.ts";
import type { PlannedClaim } from "#ports/executor-backend.ts";
import type { PickedInstance } from "#ports/queued-instance.ts";

export interface WorkerSlots {
  readonly workerKey: number;
  readonly freeSlots: number;
  /** What it has free. */
  readonly room: ResourceAmounts;
}

/**
 * Gives picked instances, best first, to the workers with the most free slots among those that have room for what they
 * ask; what finds none waits.
 */
export function planDispatch(
  picked: readonly PickedInstance[],
  workers: readonly WorkerSlots[],
): readonly PlannedClaim[] {
  const free = workers.filter((worker) => worker.freeSlots > 0).map((worker) => ({ ...worker }));
  const planned: PlannedClaim[] = [];
  for (const instance of picked) {
    const { requests } = instance;
    const best = free.reduce<(typeof free)[number] | null>((most, worker) => {
      const fits = requests === undefined || hasRoom(worker.room, requests);
      return fits && worker.freeSlots > (most?.freeSlots ?? 0) ? worker : most;
    }, null);
    if (best === null) continue;
    best.freeSlots -= 1;
    best.room = roomLeft(best.room, [requests ?? noResources]);
    planned.push({ workerKey: best.workerKey, instance });
  }
  return planned;
}
