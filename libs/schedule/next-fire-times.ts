import type { FireTime } from "./fire-time.ts";
import type { Schedule } from "./schedule.ts";

/** The search back in time begins with so much, and goes on with four times as much. */
const firstSpanMs = 120_000;
const spanGrowth = 4;

/** Nothing is searched for before this. */
const beginningMs = Date.UTC(1000, 0, 1);

/** The next `count` fire times, one or more, strictly after an instant; fewer when the schedule ends. */
export function nextFireTimes(schedule: Schedule, afterMs: number, count: number): readonly FireTime[] {
  const found: FireTime[] = [];
  for (const time of schedule.times(afterMs)) {
    found.push(time);
    if (found.length >= count) break;
  }
  return found;
}

/** The next fire time strictly after an instant; null: there is none. */
export function nextFireTime(schedule: Schedule, afterMs: number): number | null {
  for (const { at } of schedule.times(afterMs)) return at;
  return null;
}

/** The last `count` fire times from `from` to `to`, both included, ascending; without reading all of them. */
export function latestFireTimes(
  schedule: Schedule,
  { from, to, count }: { from: number; to: number; count: number },
): readonly FireTime[] {
  const first = Math.max(from, beginningMs);
  for (let spanMs = firstSpanMs; ; spanMs *= spanGrowth) {
    const start = Math.max(first, to - spanMs);
    const found = timesBetween(schedule, start, to);
    if (found.length >= count || start <= first) return found.slice(-count);
  }
}

/** The last fire time strictly before an instant; null: there is none. */
export function previousFireTime(schedule: Schedule, beforeMs: number): number | null {
  return latestFireTimes(schedule, { from: beginningMs, to: beforeMs - 1, count: 1 })[0]?.at ?? null;
}

/** How many fire times there are from `from` up to but without `to`; counted no further than `limit`. */
export function countFireTimes(
  schedule: Schedule,
  { from, to, limit }: { from: number; to: number; limit: number },
): number {
  let count = 0;
  for (const { at } of schedule.times(from - 1)) {
    if (at >= to || count === limit) break;
    count += 1;
  }
  return count;
}

function timesBetween(schedule: Schedule, from: number, to: number): readonly FireTime[] {
  const found: FireTime[] = [];
  for (const time of schedule.times(from - 1)) {
    if (time.at > to) break;
    found.push(time);
  }
  return found;
}
