/**
 * Fire times found by stepping through every minute of a span and looking at the wall: no arithmetic of offsets, no
 * library, rules as predicates. It shares nothing with the code that it judges.
 */

/** A day as the wall shows it. */
export interface ReferenceDay {
  readonly month: number;
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly isLeap: boolean;
  /** Days that the month has. */
  readonly length: number;
}

export interface ReferenceRule {
  readonly cron: string;
  readonly isDay: (day: ReferenceDay) => boolean;
  readonly isTime: (hour: number, minute: number) => boolean;
  /** True: the hour has a wildcard or a step. */
  readonly isWild: boolean;
}

/** What the wall shows, minute by minute: a number for its day, and the minute of it. */
export interface Walls {
  readonly startMs: number;
  readonly dayIndex: Int32Array;
  readonly minuteOfDay: Int16Array;
  readonly days: readonly ReferenceDay[];
}

const minuteMs = 60_000;
const minutesOfDay = 1440;

/** Clocks change at quarters of an hour in the spans looked at, so the formatter is asked once for each. */
const quarter = 15;

const lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function readWalls(timezone: string, startMs: number, endMs: number): Walls {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    dateStyle: "short",
    timeStyle: "short",
    hourCycle: "h23",
  });
  const weekdays = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, weekday: "short" });
  const count = (endMs - startMs) / minuteMs;
  const dayIndex = new Int32Array(count);
  const minuteOfDay = new Int16Array(count);
  const days: ReferenceDay[] = [];
  const known = new Map<string, number>();
  for (let place = 0; place < count; place += quarter) {
    const at = startMs + place * minuteMs;
    const text = format.format(at);
    const date = text.slice(0, 10);
    let index = known.get(date);
    if (index === undefined) {
      index = days.push(readDay(date, weekdays.format(at))) - 1;
      known.set(date, index);
    }
    const first = Number(text.slice(12, 14)) * 60 + Number(text.slice(15, 17));
    for (let step = 0; step < quarter; step += 1) {
      dayIndex[place + step] = index;
      minuteOfDay[place + step] = first + step;
    }
  }
  return { startMs, dayIndex, minuteOfDay, days };
}

/** All fire times of a rule, with gaps shifted and overlaps fired once. Days follow each other without a hole. */
export function referenceTimes(walls: Walls, rule: ReferenceRule): number[] {
  const isDay = walls.days.map((day) => rule.isDay(day));
  const isMinute = Array.from({ length: minutesOfDay }, (_, minute) =>
    rule.isTime(Math.floor(minute / 60), minute % 60),
  );
  const matches = (day: number, minute: number): boolean => isMinute[minute] === true && isDay[day] === true;
  const found = new Set<number>();
  let furthest = -1;
  let previous = -1;
  for (let place = 0; place < walls.dayIndex.length; place += 1) {
    const [day, minute] = [walls.dayIndex[place] ?? 0, walls.minuteOfDay[place] ?? 0];
    const wall = day * minutesOfDay + minute;
    if (matches(day, minute) && (rule.isWild || wall > furthest)) found.add(place);
    // The minutes that the wall jumped over, each as far after the jump as it is into the gap.
    if (previous !== -1 && !rule.isWild) {
      for (let missing = previous + 1; missing < wall; missing += 1) {
        if (matches(Math.floor(missing / minutesOfDay), missing % minutesOfDay))
          found.add(place + missing - previous - 1);
      }
    }
    furthest = Math.max(furthest, wall);
    previous = wall;
  }
  return [...found].sort((a, b) => a - b).map((place) => walls.startMs + place * minuteMs);
}

/** `date` is DD/MM/YYYY. */
function readDay(date: string, weekday: string): ReferenceDay {
  const [day = 0, month = 0, year = 0] = date.split("/").map(Number);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const length = month === 2 && isLeap ? 29 : (lengths[month - 1] ?? 0);
  return { month, day, weekday: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(weekday), isLeap, length };
}
