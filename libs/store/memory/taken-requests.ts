import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { StoredRun } from "./stored-run.ts";

/** What the attempt of a held instance takes of its worker: what its version asked for when it began. */
export function takenRequests(run: StoredRun, ordinal: number): ResourceAmounts | undefined {
  const instance = run.instances[ordinal];
  const earlier = run.earlierRequests.get(ordinal);
  if (earlier !== undefined && earlier.fence === instance?.heldFence) return earlier.requests;
  return run.plan.tasks[instance?.task ?? -1]?.requests;
}

/** To be called before a run goes over to another version. */
export function keepTakenRequests(run: StoredRun): void {
  for (const { ordinal, held, heldFence: fence } of run.instances)
    if (held) run.earlierRequests.set(ordinal, { fence, requests: takenRequests(run, ordinal) });
}
