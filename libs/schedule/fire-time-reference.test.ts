import { describe, expect, test } from "vitest";
import { parseCron } from "./cron.ts";
import { cronTimes } from "./cron-times.ts";
import { type ReferenceDay, type ReferenceRule, readWalls, referenceTimes } from "./minute-reference.testsuite.ts";
import { defaultDst } from "./schedule.ts";
import { openZone } from "./zone.ts";

const everyDay = (): boolean => true;
const isWorkday = ({ weekday }: ReferenceDay): boolean => weekday >= 1 && weekday <= 5;
const at =
  (hour: number, minute: number) =>
  (h: number, m: number): boolean =>
    h === hour && m === minute;

function fixed(cron: string, isDay: ReferenceRule["isDay"], isTime: ReferenceRule["isTime"]): ReferenceRule {
  return { cron, isDay, isTime, isWild: false };
}

function wild(cron: string, isDay: ReferenceRule["isDay"], isTime: ReferenceRule["isTime"]): ReferenceRule {
  return { cron, isDay, isTime, isWild: true };
}

/** The nearest workday to a day, by walking away from it within the month. */
function isNearest(target: number): (day: ReferenceDay) => boolean {
  return ({ day, weekday, length }) => {
    if (target > length || weekday === 0 || weekday === 6) return false;
    const weekdayOfTarget = (((weekday + target - day) % 7) + 7) % 7;
    if (weekdayOfTarget === 6) return day === (target === 1 ? 3 : target - 1);
    if (weekdayOfTarget === 0) return day === (target === length ? target - 2 : target + 1);
    return day === target;
  };
}

const rules: readonly ReferenceRule[] = [
  fixed("0 0 * * *", everyDay, at(0, 0)),
  fixed("30 0 * * *", everyDay, at(0, 30)),
  fixed("30 1 * * *", everyDay, at(1, 30)),
  fixed("0 2 * * *", everyDay, at(2, 0)),
  fixed("15 2 * * *", everyDay, at(2, 15)),
  fixed("30 2 * * MON-FRI", isWorkday, at(2, 30)),
  fixed("45 1,2,3 * * *", everyDay, (h, m) => m === 45 && h >= 1 && h <= 3),
  fixed("0,30 0-4 * * *", everyDay, (h, m) => m % 30 === 0 && h <= 4),
  fixed("*/20 2 * * *", everyDay, (h, m) => h === 2 && m % 20 === 0),
  fixed(
    "* 1-2 * * SUN",
    ({ weekday }) => weekday === 0,
    (h) => h === 1 || h === 2,
  ),
  fixed("59 23 * * *", everyDay, at(23, 59)),
  fixed("30 23 * * 6,7", ({ weekday }) => weekday === 6 || weekday === 0, at(23, 30)),
  wild("* */6 * * *", everyDay, (h) => h % 6 === 0),
  wild("*/15 * * * *", everyDay, (_, m) => m % 15 === 0),
  wild("0 * * * *", everyDay, (_, m) => m === 0),
  wild("20 */2 * * *", everyDay, (h, m) => h % 2 === 0 && m === 20),
  wild("5-50/15 0-6/3 * * *", everyDay, (h, m) => h <= 6 && h % 3 === 0 && [5, 20, 35, 50].includes(m)),
  wild(
    "*/10 */1 * 3,10,11 *",
    ({ month }) => [3, 10, 11].includes(month),
    (_, m) => m % 10 === 0,
  ),
  fixed("0 3 1 * *", ({ day }) => day === 1, at(3, 0)),
  fixed("0 2 31 * *", ({ day, length }) => day === length, at(2, 0)),
  fixed("0 2 30 * *", ({ day, length }) => day === Math.min(30, length), at(2, 0)),
  fixed("0 2 15,29 * *", ({ day, length }) => day === 15 || day === Math.min(29, length), at(2, 0)),
  fixed("30 2 29-31 * *", ({ day }) => day >= 29, at(2, 30)),
  fixed("0 2 29 2 *", ({ day, month }) => day === 29 && month === 2, at(2, 0)),
  fixed("30 2 L * *", ({ day, length }) => day === length, at(2, 30)),
  fixed("0 1 15W * *", isNearest(15), at(1, 0)),
  fixed("0 1 1W * *", isNearest(1), at(1, 0)),
  fixed(
    "30 2 8-14 3 SUN",
    ({ month, day, weekday }) => month === 3 && ((day >= 8 && day <= 14) || weekday === 0),
    at(2, 30),
  ),
  fixed("0 2 * * SUN#2", ({ day, weekday }) => weekday === 0 && day >= 8 && day <= 14, at(2, 0)),
  fixed(
    "0 2 * 3,10 SUNL",
    ({ month, day, weekday, length }) => (month === 3 || month === 10) && weekday === 0 && day + 7 > length,
    at(2, 0),
  ),
];

/** Between them: whole and half hours, both hemispheres, midnight, Ramadan, and a zone without changes. */
const zones = [
  "America/New_York",
  "Europe/Berlin",
  "Australia/Lord_Howe",
  "Africa/Cairo",
  "Africa/Casablanca",
  "America/Santiago",
  "Asia/Kathmandu",
  "Pacific/Chatham",
];

const start = Date.UTC(2024, 0, 1);
const end = Date.UTC(2027, 0, 1);

/** At the edges the reference does not see what came before. */
const marginMs = 2 * 86_400_000;

function timesOf(cron: string, zone: string): number[] {
  const found: number[] = [];
  for (const time of cronTimes(parseCron(cron), openZone(zone), defaultDst, start)) {
    if (time.at >= end) break;
    found.push(time.at);
  }
  return found.filter((time) => time >= start + marginMs && time < end - marginMs);
}

describe.each(zones)("three years in %s are those of a wall that is looked at every minute", (zone) => {
  const walls = readWalls(zone, start, end);

  test.each(rules)("$cron", (rule) => {
    const expected = referenceTimes(walls, rule).filter((time) => time >= start + marginMs && time < end - marginMs);
    const found = timesOf(rule.cron, zone);
    expect(found.length).toBe(expected.length);
    const firstOther = found.find((time, place) => time !== expected[place]);
    expect(firstOther === undefined ? null : new Date(firstOther).toISOString()).toBeNull();
  });
});
