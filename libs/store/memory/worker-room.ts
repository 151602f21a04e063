import { type ResourceAmounts, roomLeft } from "#core/resource-amounts.ts";
import type { WorkerHello } from "#ports/worker-store.ts";
import type { MemoryState } from "./memory-state.ts";
import { takenRequests } from "./taken-requests.ts";

/** What the attempts of a worker, also those that are being stopped, leave of its resources. */
export function roomOf(state: MemoryState, workerKey: number, { resources }: WorkerHello): ResourceAmounts {
  const held = [...(state.indexes.held.get(workerKey)?.values() ?? [])];
  const taken = held.flatMap(({ runKey, ordinal }) => {
    const run = state.runs.get(runKey);
    return run === undefined ? [] : (takenRequests(run, ordinal) ?? []);
  });
  return roomLeft(resources, taken);
}
