import type { Definition } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import type { DroppedSlots, DueSchedule, ScheduleMove } from "#ports/schedule-store.ts";
import { decideCatchUp } from "#schedule/catch-up.ts";
import { previousFireTime } from "#schedule/next-fire-times.ts";
import { clearWay } from "./clear-way.ts";
import { type MakeContext, type MakeResult, makeScheduledRun } from "./make-scheduled-run.ts";
import type { ScheduledDefinition, Timing } from "./scheduled-definitions.ts";
import { slotDelay } from "./slot-delay.ts";

export interface SlotContext extends MakeContext {
  readonly definitions: (due: DueSchedule) => Promise<ScheduledDefinition>;
}

export type SlotResult =
  | { readonly kind: "moved"; readonly move: ScheduleMove }
  /** The DAG was paused for its failures, and its schedule stays where it is. */
  | { readonly kind: "paused" }
  | { readonly kind: "deposed" };

/** What waits for a run to end is looked at again after so long. */
const waitMs = 1000;

/** A passing failure is tried again after so long: one of the slot's own, and one of the connection, which is soon another. */
const retryMs = { own: 5000, connection: 250 };

/** What follows its own last run and can't be made is tried again after so long. */
const failedContinuousMs = 60_000;

/**
 * Works on one schedule whose turn has come: makes a run at most, and answers where the schedule goes on. What fails for
 * a passing cause is tried again later and holds nobody up.
 */
export async function runSlot(due: DueSchedule, context: SlotContext): Promise<SlotResult> {
  const { store, logger } = context;
  try {
    const { definition, timing } = await context.definitions(due);
    if (timing === null) return moved(due, { to: null });
    if (await isPausedForFailures(due, timing, context)) return { kind: "paused" };
    return timing.schedule.isContinuous
      ? await runContinuous(due, definition, timing, context)
      : await runTimed(due, definition, timing, context);
  } catch (thrown) {
    logger.warn({ dag_id: due.dagId, err: thrown }, "could not make a scheduled run, trying again");
    const isAway = thrown instanceof AppError && thrown.code === "DATABASE_UNAVAILABLE";
    const lookAt = Math.floor(store.now()) + (isAway ? retryMs.connection : retryMs.own);
    return moved(due, { to: due.dueAt, lookAt, backlogEnd: due.backlogEnd });
  }
}

/** Asked again once the way is clear: a run that ended while it was looked for counts too. */
async function isPausedForFailures(due: DueSchedule, { policy }: Timing, context: SlotContext): Promise<boolean> {
  const { store, epoch, logger } = context;
  const count = policy.pauseAfterFailures;
  if (count === null) return false;
  const isPaused = await store.definitions.pauseAfterFailures({ dagKey: due.dagKey, count, epoch });
  if (isPaused) logger.warn({ dag_id: due.dagId, failed_runs: count }, "paused after failed runs in a row");
  return isPaused;
}

/** A run follows the last one: its date is the time at which it is made. */
async function runContinuous(
  due: DueSchedule,
  definition: Definition,
  timing: Timing,
  context: SlotContext,
): Promise<SlotResult> {
  const { store } = context;
  const now = Math.floor(store.now());
  if ((await clearWay(store, { dagKey: due.dagKey, overlap: "queue" })) === "wait") {
    return moved(due, { to: now + waitMs });
  }
  if (await isPausedForFailures(due, timing, context)) return { kind: "paused" };
  const result = await makeScheduledRun(due, definition, { logicalAt: now, intervalStartAt: now }, context);
  if (result === "deposed") return { kind: "deposed" };
  return moved(due, { to: now + (result === "failed" ? failedContinuousMs : waitMs) });
}

async function runTimed(
  due: DueSchedule,
  definition: Definition,
  timing: Timing,
  context: SlotContext,
): Promise<SlotResult> {
  const { store, logger } = context;
  const { schedule, endless, policy } = timing;
  const now = Math.floor(store.now());
  const delayOf = (slot: number): number => slotDelay(due.dagId, slot, policy.jitterMs);
  const turnOf = (slot: number | null): number | null => turnAfter(slot, { now, delayOf });
  if (due.dueAt + delayOf(due.dueAt) > now) return moved(due, { to: due.dueAt, lookAt: turnOf(due.dueAt) });
  const { slot, nextAt, backlogEnd, leftOut } = decideCatchUp(schedule, policy, { ...due, now, delayOf });
  const dropped: readonly DroppedSlots[] = leftOut === null ? [] : [leftOut];
  if (leftOut !== null) logger.warn({ dag_id: due.dagId, ...inWords(leftOut) }, "left out missed slots");
  const next = { to: nextAt, lookAt: turnOf(nextAt), backlogEnd, dropped };
  if (slot === null) return moved(due, next);
  const way = await clearWay(store, { dagKey: due.dagKey, overlap: policy.overlap });
  if (way === "wait") {
    const waiting = Math.max(backlogEnd ?? now, now);
    return moved(due, { to: slot, lookAt: now + waitMs, backlogEnd: waiting, dropped });
  }
  if (way === "skip") {
    const skipped: DroppedSlots = { from: slot, to: slot, count: 1, reason: "overlap" };
    logger.info({ dag_id: due.dagId, ...inWords(skipped) }, "left out a slot, the last run goes on");
    return moved(due, { ...next, dropped: [...dropped, skipped] });
  }
  if (await isPausedForFailures(due, timing, context)) return { kind: "paused" };
  const intervalStartAt = previousFireTime(endless, slot) ?? slot;
  const result: MakeResult = await makeScheduledRun(due, definition, { logicalAt: slot, intervalStartAt }, context);
  return result === "deposed" ? { kind: "deposed" } : moved(due, next);
}

/** A slot that is past already waits behind those whose turn came before: definitions with many of them take turns. */
function turnAfter(
  slot: number | null,
  { now, delayOf }: { now: number; delayOf: (slot: number) => number },
): number | null {
  return slot === null ? null : Math.max(now, slot + delayOf(slot));
}

function moved(
  { dagKey, dueAt }: DueSchedule,
  move: { to: number | null } & Partial<Pick<ScheduleMove, "lookAt" | "backlogEnd" | "dropped">>,
): SlotResult {
  return { kind: "moved", move: { dagKey, from: dueAt, lookAt: null, backlogEnd: null, dropped: [], ...move } };
}

function inWords({ from, to, count, reason }: DroppedSlots): object {
  return { missed_from: new Date(from).toISOString(), missed_to: new Date(to).toISOString(), count, reason };
}
