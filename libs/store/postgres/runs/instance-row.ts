import type { Instance, ParentCounts } from "#core/run-model.ts";
import { type TaskState, taskStates } from "#core/states.ts";

/** A row of `task_instances` as the driver reads it: bigints as numbers, times as milliseconds. */
export interface InstanceRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly task_index: number;
  readonly map_index: number | null;
  readonly item_key: string | null;
  readonly state: TaskState;
  readonly reason: string | null;
  readonly generation: number;
  readonly fence: number;
  readonly try_number: number;
  readonly infra_tries: number;
  readonly free_tries: number;
  readonly in_degree: number;
  readonly parents_success: number;
  readonly parents_failed: number;
  readonly parents_upstream_failed: number;
  readonly parents_skipped: number;
  readonly exempt_parents: number;
  readonly exempt: boolean;
  readonly held: boolean;
  readonly held_fence: number;
  readonly awaits_evaluation: boolean;
  readonly due_at: number | null;
  readonly waits_for: string | null;
  readonly queued_at: number | null;
  readonly first_started_at: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly worker_key: number | null;
  readonly last_error: string | null;
  readonly items_total: number;
  readonly items_ended: number;
  readonly items_failed: number;
}

export const instanceRowColumns =
  "run_key, ordinal, task_index, map_index, item_key, state, reason, generation, fence, try_number, infra_tries, " +
  "free_tries, in_degree, parents_success, parents_failed, parents_upstream_failed, parents_skipped, exempt_parents, " +
  "exempt, held, held_fence, awaits_evaluation, due_at, waits_for, queued_at, first_started_at, started_at, ended_at, " +
  "worker_key, last_error, items_total, items_ended, items_failed";

/** The driver makes a text of its own for each row; a process keeps instances by the hundred thousand. */
const stateNames: ReadonlyMap<string, TaskState> = new Map(taskStates.map((state) => [state, state]));

/** Counts of parents that all succeeded, by their number: most instances have such ones, and share them. */
const sharedCounts: readonly ParentCounts[] = Array.from({ length: 16 }, (_, success) => countsOf(success));

export function fromInstanceRow(row: InstanceRow): Instance {
  return {
    ordinal: row.ordinal,
    task: row.task_index,
    mapIndex: row.map_index,
    itemKey: row.item_key,
    state: stateNames.get(row.state) ?? row.state,
    reason: row.reason,
    generation: row.generation,
    fence: row.fence,
    tryNumber: row.try_number,
    infraTries: row.infra_tries,
    freeTries: row.free_tries,
    inDegree: row.in_degree,
    parents: toCounts(row),
    exemptParents: row.exempt_parents,
    exempt: row.exempt,
    held: row.held,
    heldFence: row.held_fence,
    awaitsEvaluation: row.awaits_evaluation,
    dueAt: row.due_at,
    waitsFor: row.waits_for,
    queuedAt: row.queued_at,
    firstStartedAt: row.first_started_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    workerKey: row.worker_key,
    lastError: row.last_error,
    itemsTotal: row.items_total,
    itemsEnded: row.items_ended,
    itemsFailed: row.items_failed,
  };
}

function toCounts({
  parents_success,
  parents_failed,
  parents_upstream_failed,
  parents_skipped,
}: InstanceRow): ParentCounts {
  const haveAllSucceeded = parents_failed + parents_upstream_failed + parents_skipped === 0;
  return (
    (haveAllSucceeded ? sharedCounts[parents_success] : undefined) ??
    countsOf(parents_success, parents_failed, parents_upstream_failed, parents_skipped)
  );
}

function countsOf(success: number, failed = 0, upstreamFailed = 0, skipped = 0): ParentCounts {
  return { success, failed, upstreamFailed, skipped };
}
