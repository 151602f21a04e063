import type { PlanTask } from "./plan.ts";

/** What an instance waits for that needs no worker, until an executor has looked at what it is to wait for. */
export const unstartedWait = "executor";

/** What a queued instance of the task waits for at first; null: a worker, as most do. */
export function firstWaitOf(task: PlanTask): string | null {
  return task.waits === undefined ? null : unstartedWait;
}
