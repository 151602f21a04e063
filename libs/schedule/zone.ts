/** What a time on the wall means in a zone. Times in milliseconds since 1970; wall times as if the wall were in UTC. */
export type WallTime =
  | { readonly kind: "once"; readonly at: number }
  /** The clocks go back over it. */
  | { readonly kind: "twice"; readonly first: number; readonly second: number }
  /** The clocks skip it: `shifted` is read with the offset before the gap, `resumesAt` is the first instant after it. */
  | { readonly kind: "never"; readonly shifted: number; readonly resumesAt: number };

/** A zone of the IANA database. */
export interface Zone {
  readonly name: string;
  /** Milliseconds that the wall is ahead of UTC at an instant. */
  offsetAt(atMs: number): number;
  /** The instants at which the wall shows a time. */
  resolve(wallMs: number): WallTime;
}

const secondMs = 1000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Opened zones are kept; names beyond so many are other spellings of the same few hundred. */
const maxKeptZones = 1000;
const keptZones = new Map<string, Zone>();

const shownForm = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/;

/** The zone of a name that is known to be one. Throws a RangeError for another. */
export function openZone(name: string): Zone {
  const kept = keptZones.get(name);
  if (kept !== undefined) return kept;
  const offsetAt = createOffsetReader(name);
  const zone: Zone = { name, offsetAt, resolve: createResolver(offsetAt) };
  if (keptZones.size >= maxKeptZones) keptZones.clear();
  keptZones.set(name, zone);
  return zone;
}

/** An instant as its zone's wall shows it, with the offset: `2026-03-08T03:30:00-04:00`; milliseconds only if there are any. */
export function formatWallTime(atMs: number, zone: Zone): string {
  const offsetMs = zone.offsetAt(atMs);
  const wall = new Date(atMs + offsetMs)
    .toISOString()
    .slice(0, -1)
    .replace(/\.000$/, "");
  const minutes = Math.round(Math.abs(offsetMs) / minuteMs);
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0"));
  return `${wall}${offsetMs < 0 ? "-" : "+"}${hour}:${minute}`;
}

/** One formatter for each zone: making one costs as much as forty uses. UTC, which most definitions use, needs none. */
function createOffsetReader(name: string): (atMs: number) => number {
  if (name === "UTC") return () => 0;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return (atMs) => {
    const whole = Math.floor(atMs / secondMs) * secondMs;
    const shown = shownForm.exec(format.format(whole));
    if (shown === null) throw new RangeError(`${name} shows no date at ${atMs}`);
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = shown.slice(1).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };
}

/** Most days know no change of clocks: one question tells it for all times of such a day. */
function createResolver(offsetAt: (atMs: number) => number): (wallMs: number) => WallTime {
  let calmDay = Number.NaN;
  let offsetMs = 0;
  return (wallMs) => {
    const day = Math.floor(wallMs / dayMs);
    if (day !== calmDay) {
      const [before, after] = [offsetAt((day - 1) * dayMs), offsetAt((day + 2) * dayMs)];
      if (before !== after) return resolveWallTime(wallMs, offsetAt);
      [calmDay, offsetMs] = [day, before];
    }
    return { kind: "once", at: wallMs - offsetMs };
  };
}

/**
 * The offsets a day before and a day after tell whether the clocks change near a time on the wall: no offset is a day
 * from UTC, the widest gap (a skipped date) is one day, and two changes are never within three days.
 */
function resolveWallTime(wallMs: number, offsetAt: (atMs: number) => number): WallTime {
  const before = offsetAt(wallMs - dayMs);
  const after = offsetAt(wallMs + dayMs);
  const [early, late] = [wallMs - before, wallMs - after];
  if (before === after) return { kind: "once", at: early };
  const isEarly = offsetAt(early) === before;
  const isLate = offsetAt(late) === after;
  if (isEarly && isLate) return { kind: "twice", first: early, second: late };
  if (isEarly) return { kind: "once", at: early };
  if (isLate) return { kind: "once", at: late };
  return { kind: "never", shifted: early, resumesAt: findChange({ from: late, to: early, before, offsetAt }) };
}

/** The first instant, to the second, that no longer has the offset `before`. */
function findChange(options: { from: number; to: number; before: number; offsetAt: (atMs: number) => number }): number {
  const { before, offsetAt } = options;
  let low = Math.floor(options.from / secondMs);
  let high = Math.ceil(options.to / secondMs);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * secondMs) === before) low = middle + 1;
    else high = middle;
  }
  return low * secondMs;
}
