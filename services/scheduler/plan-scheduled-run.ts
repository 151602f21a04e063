import { nextFireTimes, previousFireTime } from "#schedule/cron.ts";

/** What to do about a schedule that is due. Times in milliseconds since 1970. */
export interface ScheduledRunPlan {
  /** The slot to run. */
  readonly logicalAt: number;
  /** The slot before it, or itself when it is the schedule's first. */
  readonly intervalStartAt: number;
  /** Where the schedule goes on; null: it does not fire again. */
  readonly nextAt: number | null;
  /** The first of the slots that were missed and are left out; null: none. */
  readonly skippedFrom: number | null;
}

/**
 * Slots missed while nobody looked collapse into the latest one (catch-up `latest`). Only slots that are over by `now`
 * count, so that no run is dated in the future; `dueAt` itself always is, by the store's clock that called it due. What
 * follows is computed from the slot that runs and never from `now`, so that a clock jump neither doubles nor drops one.
 */
export function planScheduledRun(options: {
  schedule: { text: string; timezone: string };
  dueAt: number;
  now: number;
}): ScheduledRunPlan {
  const { schedule, dueAt, now } = options;
  const latest = previousFireTime(schedule, now + 1);
  const logicalAt = latest !== null && latest > dueAt ? latest : dueAt;
  return {
    logicalAt,
    intervalStartAt: previousFireTime(schedule, logicalAt) ?? logicalAt,
    nextAt: nextFireTimes(schedule, logicalAt, 1)[0] ?? null,
    skippedFrom: logicalAt > dueAt ? dueAt : null,
  };
}
