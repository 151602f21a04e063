import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countFireTimes, latestFireTimes, nextFireTime, nextFireTimes, previousFireTime } from "./next-fire-times.ts";
import { defaultDst, openSchedule, type Schedule } from "./schedule.ts";

const text = fc.constantFrom(
  "0 2 * * *",
  "30 1-3 * * *",
  "*/20 * * * *",
  "0 */6 * * 1",
  "0 0 31 * *",
  "0 0 L * *",
  "15 2,14 1 * *",
  "30 2 8-14 3,11 SUN",
  "@every 25m",
  "0 0 29 2 *",
);
const timezone = fc.constantFrom("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo");
const dst = fc.record({
  gap: fc.constantFrom("shift" as const, "next" as const, "skip" as const),
  overlap: fc.constantFrom("first" as const, "both" as const),
});

/** Around the changes of the clocks as often as elsewhere. */
const instant = fc.oneof(
  fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) }),
  fc
    .tuple(
      fc.constantFrom("2026-03-08T07:00Z", "2026-11-01T06:00Z", "2026-10-25T01:00Z", "2026-04-04T15:00Z"),
      fc.integer({ min: -100, max: 100 }),
    )
    .map(([change, minutes]) => Date.parse(change) + minutes * 60_000),
);

const schedule = fc.record({ text, timezone, dst }).map((given): Schedule => {
  const rule = given.text.startsWith("@every")
    ? ({ kind: "every", everyMs: 25 * 60_000 } as const)
    : ({ kind: "cron", cron: given.text } as const);
  const entry = { rule, timezone: given.timezone, startAt: null, endAt: null, dst: given.dst };
  return openSchedule({ text: given.text, timezone: given.timezone, entries: [entry] }, null);
});

const instants = (times: readonly { readonly at: number }[]): number[] => times.map(({ at }) => at);

describe("fire times", () => {
  test("ascend strictly, and are the same asked for together, one by one or backwards", () => {
    fc.assert(
      fc.property(schedule, instant, (opened, after) => {
        const together = instants(nextFireTimes(opened, after, 8));
        expect(together).toHaveLength(8);
        let previous = after;
        for (const at of together) {
          expect(at).toBeGreaterThan(previous);
          expect(nextFireTime(opened, previous)).toBe(at);
          expect(nextFireTime(opened, at - 1)).toBe(at);
          if (previous !== after) expect(previousFireTime(opened, at)).toBe(previous);
          previous = at;
        }
      }),
    );
  });

  test("asked for from any instant between two of them, the next is the second", () => {
    fc.assert(
      fc.property(schedule, instant, fc.double({ min: 0, max: 1, noNaN: true }), (opened, after, share) => {
        const [first = 0, second = 0] = instants(nextFireTimes(opened, after, 2));
        const between = first + Math.floor((second - first - 1) * share);
        expect(nextFireTime(opened, between)).toBe(second);
      }),
    );
  });

  test("the latest are the end of all", () => {
    fc.assert(
      fc.property(schedule, instant, fc.integer({ min: 1, max: 30 }), (opened, from, count) => {
        const all = instants(nextFireTimes(opened, from - 1, 25));
        const to = all.at(-1) ?? from;
        expect(instants(latestFireTimes(opened, { from, to, count }))).toEqual(all.slice(-count));
        expect(countFireTimes(opened, { from, to: to + 1, limit: 1000 })).toBe(all.length);
        expect(countFireTimes(opened, { from, to, limit: 5 })).toBe(5);
      }),
    );
  });

  test("end where the schedule ends, in both directions", () => {
    const entry = {
      rule: { kind: "cron", cron: "0 0 1 1 *" } as const,
      timezone: "UTC",
      startAt: Date.UTC(2026, 0, 1),
      endAt: Date.UTC(2027, 0, 1),
      dst: defaultDst,
    };
    const opened = openSchedule({ text: "yearly", timezone: "UTC", entries: [entry] }, null);
    expect(instants(nextFireTimes(opened, 0, 10))).toEqual([Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)]);
    expect(nextFireTime(opened, Date.UTC(2027, 0, 1))).toBeNull();
    expect(previousFireTime(opened, Date.UTC(2026, 0, 1))).toBeNull();
    expect(previousFireTime(opened, Date.UTC(3000, 0, 1))).toBe(Date.UTC(2027, 0, 1));
  });

  test("the rarest of all expressions are found, up to the end of time", () => {
    const opened = openSchedule({ text: "0 0 * 2 MON#5", timezone: "Europe/Berlin" }, null);
    expect(nextFireTime(opened, Date.UTC(2026, 0, 1))).toBe(Date.parse("2044-02-28T23:00Z"));
    expect(nextFireTimes(opened, Date.UTC(9990, 0, 1), 5)).toEqual([]);
    expect(previousFireTime(opened, Date.UTC(2026, 0, 1))).toBe(Date.parse("2016-02-28T23:00Z"));
  });
});
