import { nextFireTime } from "./next-fire-times.ts";
import { entriesOf, openSchedule, type ScheduleSpec } from "./schedule.ts";

/** Where a schedule begins. Times in milliseconds since 1970; null: it does not fire. */
export interface ScheduleStart {
  readonly text: string;
  readonly timezone: string;
  /** What decides its times, as text. */
  readonly rule: string;
  /** The first slot of a definition that had no schedule: with a start date in the past, one that was missed. */
  readonly firstAt: number | null;
  /** The next slot when it takes the place of another schedule, which took care of what is past. */
  readonly nextAt: number | null;
}

/** Where a schedule begins that is registered now. */
export function startSchedule(spec: ScheduleSpec, now: number): ScheduleStart {
  const registeredAt = Math.floor(now);
  const schedule = openSchedule(spec, registeredAt);
  const { text, timezone } = spec;
  const rule = JSON.stringify(entriesOf(spec));
  if (schedule.isContinuous) return { text, timezone, rule, firstAt: registeredAt, nextAt: registeredAt };
  const firstAt = nextFireTime(schedule, Number.NEGATIVE_INFINITY);
  return { text, timezone, rule, firstAt, nextAt: nextFireTime(schedule, registeredAt - 1) };
}
