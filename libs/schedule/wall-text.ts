import type { Zone } from "./zone.ts";

/** A date, or a date and a time of day, as people write it. */
export interface WallText {
  /** As if the wall were in UTC. */
  readonly wallMs: number;
  /** Null: the text names no offset, and a zone must say what it means. */
  readonly offsetMs: number | null;
  /** True: a date without a time of day. */
  readonly isDate: boolean;
}

/** The forms that are accepted, for error messages. */
export const wallTextForms = "2026-12-24, 2026-12-24T14:30:00 or 2026-12-24 14:30";

const form = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:\d{2})?)?$/;

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Null for anything else, also for days and hours that don't exist (February 30, 24:00). */
export function parseWallText(text: string): WallText | null {
  const found = form.exec(text.trim());
  if (found === null) return null;
  const [, day = "", hour = "00", minute = "00", second = "00", fraction = "0", offset] = found;
  const wallMs = Date.parse(`${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0")}Z`);
  const isReal = !Number.isNaN(wallMs) && hour !== "24" && new Date(wallMs).toISOString().startsWith(day);
  if (!isReal) return null;
  return { wallMs, offsetMs: offset === undefined ? null : parseOffset(offset), isDate: found[2] === undefined };
}

/** The instant at which what the text names begins: the first one of a time that the wall shows twice, and a skipped one by the offset before the gap. */
export function startOf(text: WallText, zone: Zone): number {
  if (text.offsetMs !== null) return text.wallMs - text.offsetMs;
  const wall = zone.resolve(text.wallMs);
  if (wall.kind === "once") return wall.at;
  return wall.kind === "twice" ? wall.first : wall.shifted;
}

/** The last instant of what the text names: the end of the day for a date, the time itself for a time. */
export function endOf(text: WallText, zone: Zone): number {
  return text.isDate ? startOf({ ...text, wallMs: text.wallMs + dayMs }, zone) - 1 : startOf(text, zone);
}

function parseOffset(text: string): number {
  if (text === "Z") return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4));
  return (text.startsWith("-") ? -minutes : minutes) * minuteMs;
}
