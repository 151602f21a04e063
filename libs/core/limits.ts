import { activeRunsLimit, activeTasksLimit, concurrencyLimit, poolLimit } from "./limit-names.ts";
import type { Plan, PlanTask } from "./plan.ts";
import type { RunRow } from "./run-model.ts";

/**
 * Room in a limit that a run or an attempt needs: one slot row. Who takes it is told by run and ordinal; the ordinal is
 * `ofRun` where the run itself is the holder.
 */
export interface SlotNeed {
  readonly ordinal: number;
  /** Name of the limit, unique in the deployment. */
  readonly limit: string;
  /** How many may hold it at once; null: as the pool is sized. */
  readonly size: number | null;
}

/** The holder's ordinal where a run holds a slot itself. */
export const ofRun = -1;

/** What a run needs to be active: until then nothing of it is queued, and it keeps it until it has ended. */
export function needsOfRun(plan: Plan, run: Pick<RunRow, "dagKey" | "concurrencyKey">): readonly SlotNeed[] {
  const needs: SlotNeed[] = [];
  if (plan.maxActiveRuns !== null) {
    needs.push({ ordinal: ofRun, limit: activeRunsLimit(run.dagKey), size: plan.maxActiveRuns });
  }
  if (plan.concurrencyLimit !== null && run.concurrencyKey !== null) {
    const limit = concurrencyLimit(run.dagKey, run.concurrencyKey);
    needs.push({ ordinal: ofRun, limit, size: plan.concurrencyLimit });
  }
  return needs;
}

/** What an attempt of the task needs, from its claim until its process tree is gone. */
export function needsOfAttempt(
  plan: Plan,
  task: PlanTask,
  { dagKey, ordinal }: { readonly dagKey: number; readonly ordinal: number },
): readonly SlotNeed[] {
  const needs: SlotNeed[] = [];
  if (task.pool !== null) needs.push({ ordinal, limit: poolLimit(task.pool), size: null });
  if (plan.maxActiveTasks !== null) {
    needs.push({ ordinal, limit: activeTasksLimit(dagKey), size: plan.maxActiveTasks });
  }
  return needs;
}

/** Whether attempts of the task need room in a limit: those are never handed on, what waits may have a better claim. */
export function isLimited(plan: Plan, task: PlanTask): boolean {
  return task.pool !== null || plan.maxActiveTasks !== null;
}
