import { newInstance } from "./create-run.ts";
import type { RecordedAttempt } from "./difference.ts";
import type { PlanTask } from "./plan.ts";
import type { Instance, RunAggregate } from "./run-model.ts";

/** The reason of an instance whose row was lost after attempts of it had begun. */
const rowLostReason = "row_lost";

export interface CompletedRun {
  /** With an instance for each task of the plan, by ordinal. */
  readonly run: RunAggregate;
  /** Ordinals of those that the store does not have. */
  readonly restored: ReadonlySet<number>;
}

/**
 * Gives a run the instances that it lacks. What had never begun waits for its rule as in a new run; what had is failed,
 * since nobody knows what came of it, and a rerun begins it again. `attempts`: all of the instances that are missing.
 * Null when other rows than those of tasks are missing: then nobody can say what they were.
 */
export function completeRun(run: RunAggregate, attempts: readonly RecordedAttempt[], now: number): CompletedRun | null {
  const found = new Map<number, Instance>();
  for (const instance of run.instances) found.set(instance.ordinal, instance);
  const tasks = new Set<number>();
  for (const { task, mapIndex } of run.instances) if (mapIndex === null) tasks.add(task);
  const missing = [...run.plan.tasks.keys()].filter((task) => !tasks.has(task));
  const size = found.size + missing.length;
  const free = Array.from({ length: size }, (_, ordinal) => ordinal).filter((ordinal) => !found.has(ordinal));
  if (free.length !== missing.length) return null;
  const own = run.plan.tasks.length - run.run.removedTasks.length;
  // A task stands at its own place unless a rerun changed the version, and so do the places that are left.
  missing.forEach((task, place) => {
    const ordinal = free[place] ?? 0;
    const tried = attempts.filter((attempt) => attempt.ordinal === ordinal);
    const isGone = task >= own;
    found.set(ordinal, restoreInstance(run.plan.tasks[task], { task, ordinal, tried, isGone, now }));
  });
  const instances = Array.from({ length: size }, (_, ordinal) => found.get(ordinal)).filter((row) => row !== undefined);
  return { run: { ...run, instances }, restored: new Set(free) };
}

function restoreInstance(
  planTask: PlanTask | undefined,
  options: {
    readonly task: number;
    readonly ordinal: number;
    readonly tried: readonly RecordedAttempt[];
    readonly isGone: boolean;
    readonly now: number;
  },
): Instance {
  const { task, ordinal, tried, isGone, now } = options;
  const fresh: Instance = { ordinal, ...newInstance(task, 0) };
  const fence = Math.max(0, ...tried.map((attempt) => attempt.fence + 1));
  if (isGone) return { ...fresh, state: "removed", fence, endedAt: now };
  if (tried.length === 0) return fresh;
  const generation = Math.max(...tried.map((attempt) => attempt.generation));
  const tries = tried.filter((attempt) => attempt.generation === generation).map(({ tryNumber }) => tryNumber);
  return {
    ...fresh,
    state: "failed",
    reason: rowLostReason,
    exempt: planTask?.allowFailure ?? false,
    generation,
    fence,
    tryNumber: Math.max(...tries),
    endedAt: now,
    lastError: "its row was lost after an attempt of it had begun",
  };
}
