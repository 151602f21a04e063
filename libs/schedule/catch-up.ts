import { countFireTimes, latestFireTimes, nextFireTime, previousFireTime } from "./next-fire-times.ts";
import type { Schedule } from "./schedule.ts";
import type { SchedulePolicy } from "./schedule-policy.ts";

/** Slots that become no run. Times in milliseconds since 1970. */
export interface LeftOut {
  readonly from: number;
  readonly to: number;
  /** Counted to `countLimit`. */
  readonly count: number;
  /** `missed`: by the policy. `limit`: there were more than it catches up. */
  readonly reason: "missed" | "limit";
}

export interface CatchUp {
  /** The slot to run; null: none of those that are due. */
  readonly slot: number | null;
  /** The slot that follows; null: it does not fire again. */
  readonly nextAt: number | null;
  /** Slots up to it, and after `slot`, are made one after the other; null: nothing waits. */
  readonly backlogEnd: number | null;
  readonly leftOut: LeftOut | null;
}

export interface DueSlot {
  /** The slot whose turn has come; it is one of the schedule's, or was under an earlier edition of its zone. */
  readonly dueAt: number;
  /** Slots up to it wait for their run already; null: none do. */
  readonly backlogEnd: number | null;
  readonly now: number;
  /** How long after its time a slot's turn comes. */
  readonly delayOf: (slot: number) => number;
}

/** A slot whose turn came longer ago counts as missed where missed slots are left out. */
const punctualMs = 60_000;

/** Left out slots are counted no further. */
const countLimit = 100_000;

/**
 * Which slot to run now, and which are left out. Only slots whose turn has come by `now` count, so that no run is dated
 * in the future; what follows is computed from the slot that runs and never from `now`, so that a clock jump neither
 * doubles nor drops one. It is decided once for all slots that were missed together: those that are to be made become
 * the backlog, and later calls make them one by one.
 */
export function decideCatchUp(schedule: Schedule, policy: SchedulePolicy, due: DueSlot): CatchUp {
  const { dueAt, backlogEnd } = due;
  const isWaiting = backlogEnd !== null && dueAt <= backlogEnd;
  const mode = isWaiting ? "all" : policy.catchup;
  const count = mode === "all" ? policy.maxCatchup : 1;
  const dueEnd = findDueEnd(schedule, policy.jitterMs, due);
  const to = isWaiting ? Math.min(backlogEnd, dueEnd) : dueEnd;
  const later = latestFireTimes(schedule, { from: dueAt + 1, to, count }).map(({ at }) => at);
  const isTooMany = later.length >= count;
  const latest = later.at(-1) ?? dueAt;
  const slot = isTooMany ? (later[0] ?? dueAt) : dueAt;
  if (mode === "none" && due.now - latest - due.delayOf(latest) > punctualMs) {
    const leftOut = countLeftOut(schedule, { from: dueAt, to: latest, reason: "missed" });
    return { slot: null, nextAt: nextFireTime(schedule, latest), backlogEnd: null, leftOut };
  }
  const before = slot > dueAt ? previousFireTime(schedule, slot) : null;
  const reason = mode === "all" ? "limit" : "missed";
  return {
    slot,
    nextAt: nextFireTime(schedule, slot),
    backlogEnd: latest > slot ? latest : null,
    leftOut: before === null ? null : countLeftOut(schedule, { from: dueAt, to: Math.max(before, dueAt), reason }),
  };
}

/** Up to where slots are due: with a jitter, the last slot whose own turn has come. */
function findDueEnd(schedule: Schedule, jitterMs: number, { dueAt, now, delayOf }: DueSlot): number {
  if (jitterMs === 0) return now;
  let end = now - jitterMs;
  for (const { at } of schedule.times(Math.max(dueAt, end))) {
    if (at > now) break;
    if (at + delayOf(at) <= now) end = at;
  }
  return end;
}

/** The due slot is counted whether the schedule still has it or not. */
function countLeftOut(schedule: Schedule, { from, to, reason }: Omit<LeftOut, "count">): LeftOut {
  const others = countFireTimes(schedule, { from: from + 1, to: to + 1, limit: countLimit - 1 });
  return { from, to, count: 1 + others, reason };
}
