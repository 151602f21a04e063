import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkCron, nextFireTimes, previousFireTime } from "./cron.ts";

function fireTimes(text: string, timezone: string, after: string, count: number): string[] {
  return nextFireTimes({ text, timezone }, Date.parse(after), count).map((at) =>
    new Date(at).toISOString().replace(":00.000Z", "Z"),
  );
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
    expect(checkCron(text, "Europe/Berlin")).toBeNull();
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
    ["@fortnightly", 'unknown macro "@fortnightly"'],
    [`0 ${"0,".repeat(200)}0 * * *`, "at most 256 characters"],
  ])("refuses %s and says why", (text, reason) => {
    expect(checkCron(text, "UTC")).toContain(reason);
  });

  test.each(["Mars/Olympus", "", "+02:00"])("refuses the time zone %s", (timezone) => {
    expect(checkCron("0 0 * * *", timezone)).toContain("time zone");
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
        if (checkCron(candidate, "UTC") === null) {
          expect(nextFireTimes({ text: candidate, timezone: "UTC" }, Date.UTC(2026, 0, 1), 1)).toHaveLength(1);
        }
      }),
    );
  });
});

describe("nextFireTimes", () => {
  test("answers times strictly after the given one", () => {
    expect(fireTimes("0 2 * * *", "UTC", "2026-01-15T01:59:59.999Z", 1)).toEqual(["2026-01-15T02:00Z"]);
    expect(fireTimes("0 2 * * *", "UTC", "2026-01-15T02:00:00.000Z", 1)).toEqual(["2026-01-16T02:00Z"]);
    expect(fireTimes("0 2 * * *", "UTC", "2026-01-15T02:00:00.001Z", 1)).toEqual(["2026-01-16T02:00Z"]);
  });

  test.each([
    ["America/New_York", "2026-07-01T06:00Z"],
    ["Europe/Berlin", "2026-07-01T00:00Z"],
    ["Asia/Kolkata", "2026-06-30T20:30Z"],
    ["Asia/Kathmandu", "2026-06-30T20:15Z"],
    ["Pacific/Kiritimati", "2026-07-01T12:00Z"],
  ])("reads the time in %s", (timezone, expected) => {
    expect(fireTimes("0 2 * * *", timezone, "2026-06-30T20:00:00Z", 1)).toEqual([expected]);
  });

  test("a macro is its five fields", () => {
    for (const [macro, text] of [
      ["@hourly", "0 * * * *"],
      ["@weekly", "0 0 * * 0"],
      ["@yearly", "0 0 1 1 *"],
    ] as const) {
      expect(fireTimes(macro, "Asia/Tokyo", "2026-03-01T00:00:00Z", 5)).toEqual(
        fireTimes(text, "Asia/Tokyo", "2026-03-01T00:00:00Z", 5),
      );
    }
  });

  test("day-of-month and day-of-week together mean either", () => {
    expect(fireTimes("0 0 13 * FRI", "UTC", "2026-03-01T00:00:00Z", 3)).toEqual([
      "2026-03-06T00:00Z",
      "2026-03-13T00:00Z",
      "2026-03-20T00:00Z",
    ]);
  });

  test("29 February fires in leap years only", () => {
    expect(fireTimes("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2)).toEqual([
      "2028-02-29T00:00Z",
      "2032-02-29T00:00Z",
    ]);
  });

  test("a fixed time in a spring gap fires once, at the first valid time", () => {
    expect(fireTimes("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2)).toEqual([
      "2026-03-08T07:00Z",
      "2026-03-09T06:30Z",
    ]);
    expect(fireTimes("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2)).toEqual([
      "2026-10-03T15:30Z",
      "2026-10-04T15:15Z",
    ]);
  });

  test("a fixed time in an autumn overlap fires once, the first time", () => {
    expect(fireTimes("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2)).toEqual([
      "2026-11-01T05:30Z",
      "2026-11-02T06:30Z",
    ]);
    expect(fireTimes("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30Z",
      "2026-10-26T01:30Z",
    ]);
  });

  test("wildcard and step times keep true intervals through an overlap, also of half an hour", () => {
    expect(fireTimes("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4)).toEqual([
      "2026-10-25T00:00Z",
      "2026-10-25T01:00Z",
      "2026-10-25T02:00Z",
      "2026-10-25T03:00Z",
    ]);
    expect(fireTimes("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", 4)).toEqual([
      "2026-04-04T14:45Z",
      "2026-04-04T15:00Z",
      "2026-04-04T15:15Z",
      "2026-04-04T15:30Z",
    ]);
  });

  test("times ascend, are on a minute, and are the same asked for together, one by one or backwards", () => {
    const cron = fc.constantFrom(
      "0 2 * * *",
      "30 1-3 * * *",
      "*/20 * * * *",
      "0 */6 * * 1",
      "0 0 L * *",
      "15 2,14 1 * *",
    );
    const zone = fc.constantFrom("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo");
    const after = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) });
    fc.assert(
      fc.property(cron, zone, after, (text, timezone, afterMs) => {
        const together = nextFireTimes({ text, timezone }, afterMs, 5);
        let previous = afterMs;
        for (const at of together) {
          expect(at).toBeGreaterThan(previous);
          expect(at % 60_000).toBe(0);
          expect(nextFireTimes({ text, timezone }, previous, 1)).toEqual([at]);
          if (previous !== afterMs) expect(previousFireTime({ text, timezone }, at)).toBe(previous);
          previous = at;
        }
        expect(together).toHaveLength(5);
      }),
    );
  });
});
