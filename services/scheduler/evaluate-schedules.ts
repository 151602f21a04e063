import type { DueSchedule, ScheduleMove } from "#ports/schedule-store.ts";
import type { Store } from "#ports/store.ts";
import type { LastingFailure } from "./make-scheduled-run.ts";
import type { ScheduleLag } from "./schedule-lag.ts";
import { runSlot, type SlotContext } from "./run-slot.ts";

/** Schedules looked at in one evaluation; the rest follows in the next, after a look at leadership. */
const batchSize = 100;

/** Schedules evaluated at once unless the settings say otherwise. */
export const defaultParallelEvaluations = 10;

interface EvaluationContext extends SlotContext {
  readonly signal: AbortSignal;
  /** Absent: `defaultParallelEvaluations`. */
  readonly maxParallel?: number;
  /** Told how late the schedules are. */
  readonly lag?: ScheduleLag;
}

export type EvaluationResult =
  /** `nextInMs`: when to look again; null: nothing is scheduled. */
  { readonly kind: "done"; readonly nextInMs: number | null } | { readonly kind: "deposed" };

/**
 * Makes the runs that are due, one for each definition, those that wait longest first, and moves their schedules on.
 * Every write carries the epoch, so that a leader which no longer leads changes nothing. Runs are made before the
 * schedules move: what dies in between finds its dates taken and goes on (G8). One definition whose run can't be made
 * hurts no other: a passing cause is tried again by a later evaluation; a lasting one costs that slot and is kept in
 * `failures` while that version is in force.
 */
export async function evaluateSchedules(context: EvaluationContext): Promise<EvaluationResult> {
  const { store, epoch, failures, logger, lag } = context;
  await forgetReplaced(store, failures);
  const due = await store.definitions.listDueSchedules(batchSize);
  lag?.note({ epoch, now: store.now(), turnAt: longestWait(due) });
  const moves = await runSlots(due, context);
  if (moves === null) return { kind: "deposed" };
  const moved = await store.definitions.moveSchedules(moves, epoch);
  if (moved.size < moves.length) logger.debug({ count: moves.length - moved.size }, "schedules were changed meanwhile");
  return { kind: "done", nextInMs: due.length === batchSize ? 0 : await store.definitions.nextScheduleInMs() };
}

/** When the turn of the one that waits longest came, which was not before it was registered. Null: none waits. */
function longestWait(due: readonly DueSchedule[]): number | null {
  const turns = due.map(({ turnAt, registeredAt }) => Math.max(turnAt, registeredAt));
  return turns.length === 0 ? null : Math.min(...turns);
}

/** Null: it no longer leads. */
async function runSlots(
  due: readonly DueSchedule[],
  context: EvaluationContext,
): Promise<readonly ScheduleMove[] | null> {
  const moves: ScheduleMove[] = [];
  const waiting = due.values();
  let isDeposed = false;
  const work = async (): Promise<void> => {
    for (const schedule of waiting) {
      if (isDeposed || context.signal.aborted) return;
      const result = await runSlot(schedule, context);
      if (result.kind === "deposed") isDeposed = true;
      if (result.kind === "moved") moves.push(result.move);
    }
  };
  await Promise.all(Array.from({ length: context.maxParallel ?? defaultParallelEvaluations }, work));
  return isDeposed ? null : moves;
}

/** A version that is no longer in force fails no more. */
async function forgetReplaced(store: Store, failures: Map<string, LastingFailure>): Promise<void> {
  for (const [dagId, { versionKey }] of failures) {
    const active = await store.definitions.getActive(dagId);
    if (active?.isActive !== true || active.versionKey !== versionKey) failures.delete(dagId);
  }
}
