import { Cron } from "croner";

/** When a definition runs: a cron expression of five fields or a macro, read in an IANA time zone. */
export interface CronSchedule {
  readonly text: string;
  readonly timezone: string;
}

/** Longer expressions are refused: no sensible one comes near. */
const maxTextLength = 256;

/** Milliseconds since 1970 of 2000-01-01, where the search for a first time starts: the check needs no clock. */
const checkFromMs = 946_684_800_000;

const macros = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

const fields = [
  { name: "minute", range: "0–59" },
  { name: "hour", range: "0–23" },
  { name: "day-of-month", range: "1–31, L, LW or 15W" },
  { name: "month", range: "1–12 or JAN–DEC" },
  { name: "day-of-week", range: "0–7 or SUN–SAT, also FRI#2 and FRIL" },
] as const;

/**
 * What is wrong with a schedule, for people, or null when it is good. Five fields exactly, or a macro; an expression
 * that never fires is wrong too. Never throws.
 */
export function checkCron(text: string, timezone: string): string | null {
  if (!isTimeZone(timezone)) return `unknown time zone "${timezone}"; use an IANA name such as Europe/Berlin or UTC`;
  if (text.length > maxTextLength)
    return `a cron expression has at most ${maxTextLength} characters, this one has ${text.length}`;
  const problem = text.trim().startsWith("@") ? checkMacro(text.trim()) : checkFields(splitFields(text));
  if (problem !== null) return problem;
  const first = openCron({ text, timezone }).nextRun(new Date(checkFromMs));
  return first === null ? `"${text.trim()}" never fires: no date has that day and month` : null;
}

/**
 * The next `count` fire times strictly after `afterMs`, in milliseconds since 1970, ascending; fewer when the schedule
 * ends. The schedule must have passed `checkCron`. The caller passes the last logical date as `afterMs`, so that a clock
 * jump neither doubles nor drops a slot.
 *
 * Daylight saving, today: a fixed local time that falls into a spring gap fires at the first valid time after it; in an
 * autumn overlap it fires once, the first time. Times with a wildcard or step in the minute or hour are left out in the
 * gap and fire in both halves of the overlap. Days 29 to 31 are literal.
 */
export function nextFireTimes(schedule: CronSchedule, afterMs: number, count: number): number[] {
  return openCron(schedule)
    .nextRuns(count, new Date(afterMs))
    .map((date) => date.getTime());
}

/** The last fire time strictly before `beforeMs` by the same rules, or null when there is none. */
export function previousFireTime(schedule: CronSchedule, beforeMs: number): number | null {
  const [previous] = openCron(schedule).previousRuns(1, new Date(beforeMs));
  return previous?.getTime() ?? null;
}

function openCron({ text, timezone }: CronSchedule): Cron {
  const pattern = macros.get(text.trim().toLowerCase()) ?? splitFields(text).join(" ");
  return new Cron(pattern, { timezone, mode: "5-part", fixedTimeRule: "no-wildcard", paused: true });
}

function splitFields(text: string): string[] {
  return text.split(/\s+/).filter((field) => field !== "");
}

function checkMacro(text: string): string | null {
  if (macros.has(text.toLowerCase())) return null;
  return `unknown macro "${text}"; use five fields or one of ${[...macros.keys()].sort().join(", ")}`;
}

function checkFields(found: readonly string[]): string | null {
  if (found.length !== fields.length) {
    const names = fields.map((field) => field.name).join(" ");
    return `a cron expression has 5 fields (${names}), found ${found.length}`;
  }
  for (const [index, { name, range }] of fields.entries()) {
    const value = found[index] ?? "";
    if (!isFieldValid(index, value)) return `bad ${name} "${value}": use ${range}, with * , - and /`;
  }
  return null;
}

/** Asks the library about one field by putting wildcards into the others, so that the answer names the field. */
function isFieldValid(index: number, value: string): boolean {
  const pattern = fields.map((_, place) => (place === index ? value : "*")).join(" ");
  try {
    return new Cron(pattern, { timezone: "UTC", mode: "5-part", paused: true }).getPattern() !== undefined;
  } catch {
    return false;
  }
}

/** Fixed offsets such as `+02:00` are refused: they would silently ignore daylight saving. */
function isTimeZone(timezone: string): boolean {
  if (!/^[A-Za-z]/.test(timezone)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: timezone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
