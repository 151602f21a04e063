import { CronPattern } from "croner";
import { createMonthDays, type MonthDay } from "./month-days.ts";

/** A cron expression of five fields, read as a calendar: which days, and which minutes of each. */
export interface CronExpression {
  /** Minutes since midnight, ascending. */
  readonly minutes: readonly number[];
  /** True: the hour has a wildcard or a step, and its times keep true intervals when the clocks change. */
  readonly hasWildHour: boolean;
  /** The days of a month (0 to 11), ascending. */
  daysOf(year: number, month: number): readonly MonthDay[];
}

/** Longer expressions are refused: no sensible one comes near. */
const maxTextLength = 256;

/** In so many years there is each kind of year: leap or not, beginning on each day of the week. */
const calendarYears = 28;
const firstCheckedYear = 2001;

const maxKeptExpressions = 1000;
const keptExpressions = new Map<string, CronExpression>();

const macros = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

/** The macros that stand for five fields, by name. */
export const cronMacros: readonly string[] = [...macros.keys()].sort();

const fields = [
  { name: "minute", range: "0–59" },
  { name: "hour", range: "0–23" },
  { name: "day-of-month", range: "1–31, L, LW or 15W" },
  { name: "month", range: "1–12 or JAN–DEC" },
  { name: "day-of-week", range: "0–7 or SUN–SAT, also FRI#2 and FRIL" },
] as const;

/**
 * What is wrong with a cron expression, for people, or null when it is good. Five fields exactly, or a macro; an
 * expression that never fires is wrong too. Never throws.
 */
export function checkCron(text: string): string | null {
  if (text.length > maxTextLength)
    return `a cron expression has at most ${maxTextLength} characters, this one has ${text.length}`;
  if (isCronMacro(text)) return null;
  const problem = checkFields(splitFields(text));
  if (problem !== null) return problem;
  return everFires(parseCron(text)) ? null : `"${text.trim()}" never fires: no date has that day and month`;
}

/** The calendar of an expression that has passed `checkCron`. Many definitions have the same one: the last are kept. */
export function parseCron(text: string): CronExpression {
  const kept = keptExpressions.get(text);
  if (kept !== undefined) return kept;
  const parsed = parse(text);
  if (keptExpressions.size >= maxKeptExpressions) keptExpressions.clear();
  keptExpressions.set(text, parsed);
  return parsed;
}

function parse(text: string): CronExpression {
  const found = splitFields(macros.get(text.trim().toLowerCase()) ?? text);
  const pattern = openPattern(found);
  const hours = indexesOf(pattern.hour);
  const minutes = indexesOf(pattern.minute);
  const [, hourText = "", dayText = "", monthText = ""] = found;
  return {
    minutes: hours.flatMap((hour) => minutes.map((minute) => hour * 60 + minute)),
    hasWildHour: /[*?/]/.test(hourText),
    daysOf: createMonthDays(pattern, namesNoMonth(monthText) ? lateDays(dayText) : []),
  };
}

export function isCronMacro(text: string): boolean {
  return macros.has(text.trim().toLowerCase());
}

function openPattern(found: readonly string[]): CronPattern {
  return new CronPattern(found.join(" "), "UTC", { mode: "5-part" });
}

function splitFields(text: string): string[] {
  return text.split(/\s+/).filter((field) => field !== "");
}

function indexesOf(flags: readonly number[]): readonly number[] {
  return flags.flatMap((flag, index) => (flag === 0 ? [] : [index]));
}

function namesNoMonth(monthText: string): boolean {
  return monthText.split(",").every((part) => /^[*?](\/\d+)?$/.test(part));
}

/** Days 29 to 31 that stand alone or in a list; ranges and steps are literal. */
function lateDays(dayText: string): readonly number[] {
  return dayText.split(",").flatMap((part) => (/^(29|30|31)$/.test(part) ? [Number(part)] : []));
}

function everFires(cron: CronExpression): boolean {
  for (let year = firstCheckedYear; year < firstCheckedYear + calendarYears; year += 1) {
    for (let month = 0; month < 12; month += 1) if (cron.daysOf(year, month).length > 0) return true;
  }
  return false;
}

function checkFields(found: readonly string[]): string | null {
  if (found.length !== fields.length) {
    const names = fields.map((field) => field.name).join(" ");
    return `a cron expression has 5 fields (${names}), found ${found.length}`;
  }
  if (isReadable(found)) return null;
  for (const [index, { name, range }] of fields.entries()) {
    const value = found[index] ?? "";
    if (!isFieldValid(index, value)) return `bad ${name} "${value}": use ${range}, with * , - and /`;
  }
  return null;
}

/** Asks the library about one field by putting wildcards into the others, so that the answer names the field. */
function isFieldValid(index: number, value: string): boolean {
  return isReadable(fields.map((_, place) => (place === index ? value : "*")));
}

/** The library's `+`, which makes both days a condition, is no part of the format. */
function isReadable(found: readonly string[]): boolean {
  if (found.some((value) => value.includes("+"))) return false;
  try {
    openPattern(found);
    return true;
  } catch {
    return false;
  }
}
