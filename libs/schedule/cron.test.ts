import { Cron } from "croner";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { checkCron, parseCron } from "./cron.ts";
import { cronTimes } from "./cron-times.ts";
import { defaultDst } from "./schedule.ts";
import { openZone } from "./zone.ts";

/** The next times in UTC as text. */
function times(text: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (const { at } of cronTimes(parseCron(text), openZone("UTC"), defaultDst, Date.parse(after))) {
    found.push(new Date(at).toISOString().replace(":00.000Z", "Z"));
    if (found.length === count) break;
  }
  return found;
}

/** The days of a year, for an expression that fires at midnight. */
function days(text: string, year: number): string[] {
  return Array.from({ length: 12 }, (_, month) =>
    parseCron(text)
      .daysOf(year, month)
      .map(({ day, isClamped }) => `${month + 1}/${day}${isClamped ? "*" : ""}`),
  ).flat();
}

describe("checkCron", () => {
  test.each([
    "0 2 * * *",
    "  */5   8-18 * * MON-FRI ",
    "0 0 1,15 * *",
    "0 0 L * *",
    "0 0 LW * *",
    "0 0 15W * *",
    "0 0 * * 5#2",
    "0 0 * * FRIL",
    "0 0 ? JAN-MAR 7",
    "0 0 29 2 *",
    "@hourly",
    "@daily",
    "@Midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
  ])("accepts %s", (text) => {
    expect(checkCron(text)).toBeNull();
  });

  test.each([
    ["", "found 0"],
    ["0 0 * *", "found 4"],
    ["0 0 0 * * *", "found 6"],
    ["60 * * * *", 'bad minute "60"'],
    ["-1 * * * *", 'bad minute "-1"'],
    ["*/0 * * * *", 'bad minute "*/0"'],
    ["5/5 * * * *", 'bad minute "5/5"'],
    ["* 24 * * *", 'bad hour "24"'],
    ["* 5-1 * * *", 'bad hour "5-1"'],
    ["* * 0 * *", 'bad day-of-month "0"'],
    ["* * 32 * *", 'bad day-of-month "32"'],
    ["* * * 13 *", 'bad month "13"'],
    ["* * * FOO *", 'bad month "FOO"'],
    ["* * * * 8", 'bad day-of-week "8"'],
    ["* * * * MONDAY", 'bad day-of-week "MONDAY"'],
    ["0 0 30 2 *", "never fires"],
    ["0 0 31 4,6 *", "never fires"],
    ["0 0 1 * +5", 'bad day-of-week "+5"'],
    ["0 0 L-3 * *", 'bad day-of-month "L-3"'],
    [`0 ${"0,".repeat(200)}0 * * *`, "at most 256 characters"],
  ])("refuses %s and says why", (text, reason) => {
    expect(checkCron(text)).toContain(reason);
  });

  test("answers any text without throwing, and what it accepts has a next time", () => {
    const field = fc.oneof(
      fc.constantFrom("*", "0", "*/7", "1-5", "L", "3#2", "MON", "?"),
      fc.string({ maxLength: 4 }),
    );
    const text = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.array(field, { minLength: 4, maxLength: 6 }).map((all) => all.join(" ")),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        if (checkCron(candidate) === null) expect(times(candidate, "2026-01-01T00:00:00Z", 1)).toHaveLength(1);
      }),
    );
  });
});

describe("parseCron", () => {
  test("answers times strictly after the given one", () => {
    expect(times("0 2 * * *", "2026-01-15T01:59:59.999Z", 1)).toEqual(["2026-01-15T02:00Z"]);
    expect(times("0 2 * * *", "2026-01-15T02:00:00.000Z", 1)).toEqual(["2026-01-16T02:00Z"]);
    expect(times("0 2 * * *", "2026-01-15T02:00:00.001Z", 1)).toEqual(["2026-01-16T02:00Z"]);
  });

  test("a macro is its five fields, in any case", () => {
    for (const [macro, text] of [
      ["@hourly", "0 * * * *"],
      ["@Midnight", "0 0 * * *"],
      ["@weekly", "0 0 * * 0"],
      ["@monthly", "0 0 1 * *"],
      ["@YEARLY", "0 0 1 1 *"],
    ] as const) {
      expect(times(macro, "2026-03-01T00:00:00Z", 5)).toEqual(times(text, "2026-03-01T00:00:00Z", 5));
    }
  });

  test("day-of-month and day-of-week together mean either", () => {
    expect(times("0 0 13 * FRI", "2026-03-01T00:00:00Z", 3)).toEqual([
      "2026-03-06T00:00Z",
      "2026-03-13T00:00Z",
      "2026-03-20T00:00Z",
    ]);
  });

  test.each([
    ["0 0 31 * *", "1/31 2/28* 3/31 4/30* 5/31 6/30* 7/31 8/31 9/30* 10/31 11/30* 12/31"],
    ["0 0 30 * *", "1/30 2/28* 3/30 4/30 5/30 6/30 7/30 8/30 9/30 10/30 11/30 12/30"],
    ["0 0 29 * *", "1/29 2/28* 3/29 4/29 5/29 6/29 7/29 8/29 9/29 10/29 11/29 12/29"],
    ["0 0 29,30 */3 *", "1/29 1/30 4/29 4/30 7/29 7/30 10/29 10/30"],
    ["0 0 30,31 */2 *", "1/30 1/31 3/30 3/31 5/30 5/31 7/30 7/31 9/30 11/30"],
    [
      "0 0 28,31 * *",
      "1/28 1/31 2/28 3/28 3/31 4/28 4/30* 5/28 5/31 6/28 6/30* 7/28 7/31 8/28 8/31 9/28 9/30* 10/28 10/31 11/28 11/30* 12/28 12/31",
    ],
    ["0 0 31 1,2,4 *", "1/31"],
    ["0 0 31 1-4 *", "1/31 3/31"],
    ["0 0 30-31 * *", "1/30 1/31 3/30 3/31 4/30 5/30 5/31 6/30 7/30 7/31 8/30 8/31 9/30 10/30 10/31 11/30 12/30 12/31"],
    ["0 0 */30 * *", "1/1 1/31 2/1 3/1 3/31 4/1 5/1 5/31 6/1 7/1 7/31 8/1 8/31 9/1 10/1 10/31 11/1 12/1 12/31"],
    ["0 0 29 2 *", ""],
    ["0 0 L 2,4 *", "2/28 4/30"],
    ["0 0 LW 1-5 *", "1/30 2/27 3/31 4/30 5/29"],
    ["0 0 31W 1-5 *", "1/30 3/31 5/29"],
    ["0 0 1W,15W 8-11 *", "8/3 8/14 9/1 9/15 10/1 10/15 11/2 11/16"],
    ["0 0 * 1-5 MON#5", "3/30"],
    ["0 0 * 1-3 5L", "1/30 2/27 3/27"],
    ["0 0 * 2 SUN#1,7#4", "2/1 2/22"],
    [
      "0 0 31 * 0#1",
      "1/4 1/31 2/1 2/28* 3/1 3/31 4/5 4/30* 5/3 5/31 6/7 6/30* 7/5 7/31 8/2 8/31 9/6 9/30* 10/4 10/31 11/1 11/30* 12/6 12/31",
    ],
  ])("%s in 2026: %s", (text, expected) => {
    expect(days(text, 2026).join(" ")).toBe(expected);
  });

  test("29 February fires in leap years only, and never moves", () => {
    expect(times("0 0 29 2 *", "2026-01-01T00:00:00Z", 2)).toEqual(["2028-02-29T00:00Z", "2032-02-29T00:00Z"]);
    expect(days("0 0 29 * *", 2028)).toContain("2/29");
  });

  test("knows the days that the library knows, where none is moved to the end of its month", () => {
    const monthDay = fc.oneof(
      fc.constantFrom("*", "?", "L", "LW", "1W", "30W", "1-10", "*/2", "10-31/3"),
      fc.integer({ min: 1, max: 28 }).map(String),
    );
    const weekday = fc.constantFrom("*", "?", "MON", "1-5", "0,6", "7", "5#1", "MON#5", "FRIL", "2#2,4#4", "*/3");
    const month = fc.constantFrom("*", "1", "2,3", "FEB-MAY", "*/5");
    const time = fc.constantFrom("0 0", "*/20 3", "15 */8", "59 23", "7-9 1,2");
    fc.assert(
      fc.property(
        time,
        monthDay,
        month,
        weekday,
        fc.integer({ min: 1990, max: 2100 }),
        (clock, day, inMonth, on, year) => {
          const text = `${clock} ${day} ${inMonth} ${on}`;
          const after = new Date(Date.UTC(year, 0, 1));
          const library = new Cron(text, { timezone: "UTC", mode: "5-part", paused: true });
          const expected = library.nextRuns(20, after).map((date) => date.toISOString().replace(":00.000Z", "Z"));
          expect(times(text, after.toISOString(), 20)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});
