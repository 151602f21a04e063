import { hasRoom, type ResourceAmounts, resourceNames } from "./resource-amounts.ts";

/** A worker that could be reserved. */
export interface ReservableWorker {
  readonly workerKey: number;
  /** All that it has, and what of it is free. */
  readonly total: ResourceAmounts;
  readonly room: ResourceAmounts;
}

/**
 * The worker to keep for an attempt that asks for so much: of those that could hold it the one that lacks the smallest
 * share of what it has. Null: none could ever.
 */
export function workerToReserve(
  requests: ResourceAmounts,
  workers: readonly ReservableWorker[],
): ReservableWorker | null {
  const able = workers.filter(({ total }) => hasRoom(total, requests));
  return able.reduce<ReservableWorker | null>(
    (best, worker) => (best === null || missingShare(requests, worker) < missingShare(requests, best) ? worker : best),
    null,
  );
}

function missingShare(requests: ResourceAmounts, { total, room }: ReservableWorker): number {
  return Math.max(...resourceNames.map((name) => (requests[name] - room[name]) / Math.max(1, total[name])));
}
