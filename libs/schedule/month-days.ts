import type { CronPattern } from "croner";

/** A day of a month, from 1. */
export interface MonthDay {
  readonly day: number;
  /** True: it stands in for a day that the month does not have. */
  readonly isClamped: boolean;
}

type DayPattern = Pick<
  CronPattern,
  "day" | "month" | "dayOfWeek" | "starDOM" | "starDOW" | "lastDayOfMonth" | "lastWeekday" | "nearestWeekdays"
>;

/** What a month looks like: its length, and the day of the week (0 is Sunday) of its first day. */
interface Month {
  readonly length: number;
  readonly firstWeekday: number;
}

/** How the library marks the last of a weekday in a month; the bits below are the first to the fifth. */
const lastOfMonth = 32;

const saturday = 6;

/**
 * Which days of a month a pattern names: those by day of the month, those by day of the week, and either when both are
 * given (POSIX). `lateDays` are days of the month that mean the last day where the month is too short for them.
 */
export function createMonthDays(
  pattern: DayPattern,
  lateDays: readonly number[],
): (year: number, month: number) => readonly MonthDay[] {
  const isEveryDay = pattern.starDOM && pattern.starDOW;
  return (year, month) => {
    if (pattern.month[month] !== 1) return [];
    const shape = { length: lengthOf(year, month), firstWeekday: new Date(Date.UTC(year, month, 1)).getUTCDay() };
    const byDate = pattern.starDOM ? new Set<number>() : datesOf(pattern, shape);
    const isTooShort = lateDays.some((day) => day > shape.length);
    const days: MonthDay[] = [];
    for (let day = 1; day <= shape.length; day += 1) {
      const isNamed = isEveryDay || byDate.has(day) || (!pattern.starDOW && isWeekdayNamed(pattern, shape, day));
      if (isNamed) days.push({ day, isClamped: false });
      else if (isTooShort && day === shape.length) days.push({ day, isClamped: true });
    }
    return days;
  };
}

function datesOf(pattern: DayPattern, month: Month): ReadonlySet<number> {
  const days = new Set<number>();
  for (let day = 1; day <= month.length; day += 1) {
    if (pattern.day[day - 1] === 1) days.add(day);
    if (pattern.nearestWeekdays[day - 1] === 1) days.add(nearestWorkday(month, day));
  }
  if (pattern.lastDayOfMonth) days.add(month.length);
  if (pattern.lastWeekday) days.add(nearestWorkday(month, month.length));
  return days;
}

/** The workday nearest to a day, without leaving the month. */
function nearestWorkday(month: Month, day: number): number {
  const weekday = weekdayOf(month, day);
  if (weekday === saturday) return day === 1 ? day + 2 : day - 1;
  if (weekday === 0) return day === month.length ? day - 2 : day + 1;
  return day;
}

function isWeekdayNamed(pattern: DayPattern, month: Month, day: number): boolean {
  const marks = pattern.dayOfWeek[weekdayOf(month, day)] ?? 0;
  const occurrence = 1 << Math.floor((day - 1) / 7);
  return (marks & occurrence) !== 0 || ((marks & lastOfMonth) !== 0 && day + 7 > month.length);
}

function weekdayOf({ firstWeekday }: Month, day: number): number {
  return (firstWeekday + day - 1) % 7;
}

function lengthOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}
