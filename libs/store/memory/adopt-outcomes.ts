import type { KeptOutcome } from "#ports/worker-store.ts";
import type { MemoryState } from "./memory-state.ts";

/**
 * Makes attempts that earlier incarnations of a worker still hold, and whose outcome the new one has, the new one's. Each
 * run's sequence grows, so that a decision on what the run was before is refused.
 */
export function adoptOutcomes(
  state: MemoryState,
  outcomes: readonly KeptOutcome[],
  { from, to }: { from: readonly number[]; to: number },
): void {
  if (outcomes.length === 0) return;
  const wanted = new Set(outcomes.map(nameOf));
  const held = from.flatMap((workerKey) => [...(state.indexes.held.get(workerKey)?.values() ?? [])]);
  const raised = new Set<number>();
  for (const { runKey, ordinal } of held) {
    const run = state.runs.get(runKey);
    const before = run?.instances[ordinal];
    if (run === undefined || before === undefined) continue;
    const taskId = run.plan.tasks[before.task]?.id ?? "";
    const { mapIndex, heldFence: fence } = before;
    if (!wanted.has(nameOf({ runId: run.row.runId, taskId, mapIndex, fence }))) continue;
    const after = { ...before, workerKey: to };
    if (!raised.has(runKey)) run.row = { ...run.row, sequence: run.row.sequence + 1 };
    raised.add(runKey);
    state.indexes.update(run.row, run.plan, after, { row: before, plan: run.plan });
    run.instances[ordinal] = after;
  }
}

function nameOf({ runId, taskId, mapIndex, fence }: KeptOutcome): string {
  return `${runId} ${taskId} ${mapIndex ?? ""} ${fence}`;
}
