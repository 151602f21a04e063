import { parseCron } from "./cron.ts";
import { cronTimes, type DstPolicy } from "./cron-times.ts";
import { type FireTime, mergeFireTimes } from "./fire-time.ts";
import { ruleOfText, type TimeRule } from "./time-rule.ts";
import { parseWallText, startOf } from "./wall-text.ts";
import { openZone, type Zone } from "./zone.ts";

/** One rule of a schedule with what bounds it. Times in milliseconds since 1970. */
export interface ScheduleEntry {
  readonly rule: TimeRule;
  readonly timezone: string;
  /** The first and the last instant at which it may fire; null: unbounded. */
  readonly startAt: number | null;
  readonly endAt: number | null;
  readonly dst: DstPolicy;
}

/** When a definition runs, as plain JSON that has been checked. */
export interface ScheduleSpec {
  /** As written, for people. */
  readonly text: string;
  readonly timezone: string;
  /** Absent: `text` is a cron expression or macro, and everything else is as by default. */
  readonly entries?: readonly ScheduleEntry[];
}

export interface Schedule {
  readonly zone: Zone;
  /** True: it has no fire times, a run follows the last one. */
  readonly isContinuous: boolean;
  /** The fire times strictly after an instant, ascending, each once; made as they are asked for. */
  times(afterMs: number): Iterable<FireTime>;
}

export const defaultDst: DstPolicy = { gap: "shift", overlap: "first" };

/** Intervals end where dates as text do. */
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The entries of a spec that was checked, also of one that has only its text. */
export function entriesOf({ text, timezone, entries }: ScheduleSpec): readonly ScheduleEntry[] {
  return entries ?? [{ rule: ruleOfText(text), timezone, startAt: null, endAt: null, dst: defaultDst }];
}

/**
 * The schedule of a spec. An entry without a start date fires from `registeredAt` on; null: it always did, which tells
 * the slot before the first.
 */
export function openSchedule(spec: ScheduleSpec, registeredAt: number | null): Schedule {
  const entries = entriesOf(spec);
  const sources = entries.map((entry) => openEntry(entry, registeredAt));
  return {
    zone: openZone(spec.timezone),
    isContinuous: entries.some(({ rule }) => rule.kind === "continuous"),
    times: (afterMs) => mergeFireTimes(sources.map((source) => source(afterMs))),
  };
}

type TimeSource = (afterMs: number) => Iterable<FireTime>;

function openEntry(entry: ScheduleEntry, registeredAt: number | null): TimeSource {
  const source = openRule(entry, registeredAt);
  const from = entry.startAt ?? registeredAt ?? Number.NEGATIVE_INFINITY;
  const to = entry.endAt ?? Number.POSITIVE_INFINITY;
  return function* bounded(afterMs) {
    for (const time of source(Math.max(afterMs, from - 1))) {
      if (time.at > to) return;
      yield time;
    }
  };
}

function openRule({ rule, timezone, startAt, dst }: ScheduleEntry, registeredAt: number | null): TimeSource {
  const zone = openZone(timezone);
  switch (rule.kind) {
    case "cron": {
      const cron = parseCron(rule.cron);
      return (afterMs) => cronTimes(cron, zone, dst, afterMs);
    }
    case "every":
      return (afterMs) => intervals(rule.everyMs, startAt ?? 0, afterMs);
    case "at":
      return single(oneTime(rule.at, zone, dst));
    case "once": {
      const at = startAt ?? registeredAt;
      return single(at === null ? null : { at: Math.floor(at), note: null });
    }
    case "continuous":
      return single(null);
  }
}

function* intervals(everyMs: number, anchor: number, afterMs: number): Generator<FireTime, void, undefined> {
  const passed = Math.floor((Math.max(afterMs, -lastMs) - anchor) / everyMs);
  for (let at = anchor + (passed + 1) * everyMs; at <= lastMs; at += everyMs) yield { at, note: null };
}

/** A time that the wall shows twice is meant once, whatever the policy: it is one run. */
function oneTime(text: string, zone: Zone, { gap }: DstPolicy): FireTime | null {
  const read = parseWallText(text);
  if (read === null) throw new RangeError(`${text} is no time`);
  if (read.offsetMs !== null) return { at: startOf(read, zone), note: null };
  const wall = zone.resolve(read.wallMs);
  if (wall.kind === "once") return { at: wall.at, note: null };
  if (wall.kind === "twice") return { at: wall.first, note: "overlap" };
  return gap === "skip" ? null : { at: gap === "shift" ? wall.shifted : wall.resumesAt, note: "gap" };
}

function single(time: FireTime | null): TimeSource {
  return (afterMs) => (time !== null && time.at > afterMs ? [time] : []);
}
