import type { CronExpression } from "./cron.ts";
import type { FireNote, FireTime } from "./fire-time.ts";
import type { Zone } from "./zone.ts";

/** What happens to a fixed time that the wall skips, or shows twice, when the clocks change. */
export interface DstPolicy {
  /** `shift`: at the offset before the gap. `next`: at the first valid time. `skip`: not at all. */
  readonly gap: "shift" | "next" | "skip";
  readonly overlap: "first" | "both";
}

/** What a time on the wall becomes. */
interface Resolved {
  readonly times: readonly FireTime[];
  /** No later time on the wall fires before this. */
  readonly floor: number;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Nothing fires outside these years: RFC 3339 writes no others. */
const firstMs = Date.UTC(1000, 0, 1);
const lastYear = 9999;

/**
 * The instants after `afterMs` at which an expression fires in a zone, ascending. Times on the wall come in order and
 * become instants one by one; a time moved out of a gap, or shown a second time, waits until nothing can come before it.
 */
export function* cronTimes(
  cron: CronExpression,
  zone: Zone,
  dst: DstPolicy,
  afterMs: number,
): Generator<FireTime, void, undefined> {
  let last = Math.max(afterMs, firstMs);
  let waiting: FireTime[] = [];
  for (const wall of wallTimes(cron, earliestWallTime(zone, last))) {
    const { times, floor } = resolve(wall, { cron, zone, dst });
    for (const time of times) if (time.at > last) waiting.push(time);
    if (waiting.length > 1) waiting = inOrder(waiting);
    for (let time = waiting[0]; time !== undefined && time.at <= floor; time = waiting[0]) {
      yield time;
      last = time.at;
      waiting.shift();
    }
  }
  yield* waiting;
}

/** The wall may show less than now at a later instant, and times in a gap are read with the offset before it. */
function earliestWallTime(zone: Zone, after: number): number {
  const offsets = [after - dayMs, after, after + dayMs].map((at) => zone.offsetAt(at));
  return after + Math.min(...offsets);
}

function* wallTimes(
  cron: CronExpression,
  fromMs: number,
): Generator<{ wallMs: number; isClamped: boolean }, void, undefined> {
  const from = new Date(fromMs);
  let month = from.getUTCMonth();
  for (let year = from.getUTCFullYear(); year <= lastYear; year += 1) {
    for (; month < 12; month += 1) {
      for (const { day, isClamped } of cron.daysOf(year, month)) {
        const midnight = Date.UTC(year, month, day);
        if (midnight + dayMs <= fromMs) continue;
        for (const minute of cron.minutes) {
          const wallMs = midnight + minute * minuteMs;
          if (wallMs >= fromMs) yield { wallMs, isClamped };
        }
      }
    }
    month = 0;
  }
}

function resolve(
  { wallMs, isClamped }: { wallMs: number; isClamped: boolean },
  { cron, zone, dst }: { cron: CronExpression; zone: Zone; dst: DstPolicy },
): Resolved {
  const plain: FireNote | null = isClamped ? "clamped" : null;
  const wall = zone.resolve(wallMs);
  switch (wall.kind) {
    case "once":
      return { times: [{ at: wall.at, note: plain }], floor: wall.at };
    case "twice": {
      const isBoth = cron.hasWildHour || dst.overlap === "both";
      const instants = isBoth ? [wall.first, wall.second] : [wall.first];
      return { times: instants.map((at) => ({ at, note: "overlap" })), floor: wall.first };
    }
    case "never": {
      if (cron.hasWildHour || dst.gap === "skip") return { times: [], floor: wall.resumesAt };
      const at = dst.gap === "shift" ? wall.shifted : wall.resumesAt;
      return { times: [{ at, note: "gap" }], floor: wall.resumesAt };
    }
  }
}

/** By time; those that meet are one. */
function inOrder(times: readonly FireTime[]): FireTime[] {
  const sorted = times.toSorted((a, b) => a.at - b.at);
  return sorted.filter((time, place) => time.at !== sorted[place - 1]?.at);
}
