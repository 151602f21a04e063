import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextFireTimes } from "./next-fire-times.ts";
import { defaultDst, openSchedule, type ScheduleEntry, type ScheduleSpec } from "./schedule.ts";
import { startSchedule } from "./schedule-start.ts";
import type { TimeRule } from "./time-rule.ts";

const zone = "America/New_York";

function entry(rule: TimeRule, changes: Partial<ScheduleEntry> = {}): ScheduleEntry {
  return { rule, timezone: zone, startAt: null, endAt: null, dst: defaultDst, ...changes };
}

function spec(...entries: readonly ScheduleEntry[]): ScheduleSpec {
  return { text: "as written", timezone: zone, entries };
}

function times(schedule: ScheduleSpec, after: string, count: number, registeredAt: number | null = null): string[] {
  return nextFireTimes(openSchedule(schedule, registeredAt), Date.parse(after), count).map(({ at, note }) =>
    `${new Date(at).toISOString()} ${note ?? ""}`.replace(":00.000Z", "Z").trim(),
  );
}

const cron = (text: string): TimeRule => ({ kind: "cron", cron: text });
const every = (everyMs: number): TimeRule => ({ kind: "every", everyMs });
const minute = 60_000;

describe("a spec that is only its text", () => {
  test("is a cron expression in its zone", () => {
    expect(times({ text: "0 2 * * *", timezone: zone }, "2026-07-01T00:00Z", 1)).toEqual(["2026-07-01T06:00Z"]);
  });

  test("is a macro: @every, @once, @continuous or one for five fields", () => {
    expect(times({ text: "@daily", timezone: zone }, "2026-07-01T00:00Z", 1)).toEqual(["2026-07-01T04:00Z"]);
    expect(times({ text: "@every 90m", timezone: zone }, "2026-07-01T00:00Z", 2)).toEqual([
      "2026-07-01T01:30Z",
      "2026-07-01T03:00Z",
    ]);
    const registeredAt = Date.parse("2026-07-01T10:00:00.250Z");
    expect(times({ text: "@once", timezone: zone }, "2026-01-01T00:00Z", 3, registeredAt)).toEqual([
      "2026-07-01T10:00:00.250Z",
    ]);
    const continuous = openSchedule({ text: "@continuous", timezone: zone }, registeredAt);
    expect(continuous.isContinuous).toBe(true);
    expect(nextFireTimes(continuous, 0, 3)).toEqual([]);
  });
});

describe("intervals", () => {
  test("are counted from the start date, else from 1970", () => {
    const startAt = Date.parse("2026-03-07T12:10:00Z");
    expect(times(spec(entry(every(45 * minute), { startAt })), "2026-01-01T00:00Z", 3)).toEqual([
      "2026-03-07T12:10Z",
      "2026-03-07T12:55Z",
      "2026-03-07T13:40Z",
    ]);
    expect(times(spec(entry(every(15 * minute))), "2026-03-07T12:15:00Z", 2)).toEqual([
      "2026-03-07T12:30Z",
      "2026-03-07T12:45Z",
    ]);
  });

  test("do not drift and are not touched by clocks that change", () => {
    const found = nextFireTimes(openSchedule(spec(entry(every(7000))), null), Date.parse("2026-03-08T06:59Z"), 1000);
    const steps = found.map(({ at }, place) => at - (found[place - 1]?.at ?? at - 7000));
    expect(new Set(steps)).toEqual(new Set([7000]));
  });
});

describe("single times", () => {
  const at = (text: string): TimeRule => ({ kind: "at", at: text });

  test("are read in the entry's zone, or with the offset that they name", () => {
    expect(times(spec(entry(at("2026-12-24 14:30"))), "2026-01-01T00:00Z", 2)).toEqual(["2026-12-24T19:30Z"]);
    expect(times(spec(entry(at("2026-12-24T14:30:00+01:00"))), "2026-01-01T00:00Z", 2)).toEqual(["2026-12-24T13:30Z"]);
    expect(times(spec(entry(at("2026-12-24"))), "2026-01-01T00:00Z", 2)).toEqual(["2026-12-24T05:00Z"]);
  });

  test("follow the policy in a gap, and are one run in an overlap", () => {
    const gap = (policy: ScheduleEntry["dst"]["gap"]): string[] =>
      times(spec(entry(at("2026-03-08 02:30"), { dst: { gap: policy, overlap: "first" } })), "2026-01-01T00:00Z", 2);
    expect(gap("shift")).toEqual(["2026-03-08T07:30Z gap"]);
    expect(gap("next")).toEqual(["2026-03-08T07:00Z gap"]);
    expect(gap("skip")).toEqual([]);
    const both = { gap: "shift", overlap: "both" } as const;
    expect(times(spec(entry(at("2026-11-01 01:30"), { dst: both })), "2026-01-01T00:00Z", 2)).toEqual([
      "2026-11-01T05:30Z overlap",
    ]);
  });
});

describe("bounds", () => {
  test("both ends are included, and nothing is outside", () => {
    const bounds = { startAt: Date.parse("2026-07-02T06:00Z"), endAt: Date.parse("2026-07-04T06:00Z") };
    expect(times(spec(entry(cron("0 2 * * *"), bounds)), "2026-01-01T00:00Z", 9)).toEqual([
      "2026-07-02T06:00Z",
      "2026-07-03T06:00Z",
      "2026-07-04T06:00Z",
    ]);
  });

  test("an entry without a start date begins when the definition is registered", () => {
    const registeredAt = Date.parse("2026-07-03T00:00Z");
    const startAt = Date.parse("2026-07-01T00:00Z");
    const mixed = spec(entry(cron("0 2 * * *")), entry(cron("0 12 * * *"), { startAt }));
    expect(times(mixed, "2026-01-01T00:00Z", 4, registeredAt)).toEqual([
      "2026-07-01T16:00Z",
      "2026-07-02T16:00Z",
      "2026-07-03T06:00Z",
      "2026-07-03T16:00Z",
    ]);
  });
});

describe("lists", () => {
  test("times that meet are one, also from different zones", () => {
    const listed = spec(
      entry(cron("0 8 * * *")),
      entry(cron("0 14 * * *"), { timezone: "Europe/Berlin" }),
      entry(cron("30 8 * * MON")),
    );
    expect(times(listed, "2026-07-05T00:00Z", 3)).toEqual([
      "2026-07-05T12:00Z",
      "2026-07-06T12:00Z",
      "2026-07-06T12:30Z",
    ]);
  });

  test("are the sorted union of their entries", () => {
    const rule = fc.oneof(
      fc.constantFrom("30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "15 2 31 * *", "0 0 * * 1").map(cron),
      fc.integer({ min: 1000, max: 90 * minute }).map(every),
    );
    const timezone = fc.constantFrom("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC");
    const entries = fc.array(
      fc.record({ rule, timezone }).map(({ rule: each, timezone: name }) => entry(each, { timezone: name })),
      { minLength: 1, maxLength: 5 },
    );
    const after = fc.constantFrom("2026-03-08T05:00Z", "2026-11-01T04:00Z", "2026-03-29T00:00Z", "2026-06-01T12:00Z");
    fc.assert(
      fc.property(entries, after, (listed, from) => {
        const merged = nextFireTimes(openSchedule(spec(...listed), null), Date.parse(from), 60).map(({ at }) => at);
        const apart = listed.flatMap((each) =>
          nextFireTimes(openSchedule(spec(each), null), Date.parse(from), 60).map(({ at }) => at),
        );
        expect(merged).toEqual([...new Set(apart)].sort((a, b) => a - b).slice(0, 60));
      }),
      { numRuns: 60 },
    );
  });
});

describe("startSchedule", () => {
  const now = Date.parse("2026-07-03T10:00:00.400Z");

  test("begins with the next slot; one that is registered on its time has it", () => {
    expect(startSchedule({ text: "0 6 * * *", timezone: "UTC" }, now)).toMatchObject({
      firstAt: Date.parse("2026-07-04T06:00Z"),
      nextAt: Date.parse("2026-07-04T06:00Z"),
    });
    expect(startSchedule({ text: "0 6 * * *", timezone: "UTC" }, Date.parse("2026-07-04T06:00Z")).firstAt).toBe(
      Date.parse("2026-07-04T06:00Z"),
    );
  });

  test("a start date in the past makes slots missed for a new definition, not for a changed schedule", () => {
    const startAt = Date.parse("2026-07-01T00:00Z");
    expect(startSchedule(spec(entry(cron("0 2 * * *"), { startAt })), now)).toMatchObject({
      firstAt: Date.parse("2026-07-01T06:00Z"),
      nextAt: Date.parse("2026-07-04T06:00Z"),
    });
  });

  test("@once and @continuous are due at once, a time that is over never", () => {
    expect(startSchedule({ text: "@once", timezone: "UTC" }, now)).toMatchObject({ firstAt: now, nextAt: now });
    expect(startSchedule({ text: "@continuous", timezone: "UTC" }, now)).toMatchObject({ firstAt: now, nextAt: now });
    expect(startSchedule(spec(entry({ kind: "at", at: "2026-07-01" })), now)).toMatchObject({
      firstAt: null,
      nextAt: null,
    });
  });

  test("the rule tells schedules apart that look alike", () => {
    const rules = [
      startSchedule({ text: "0 2 * * *", timezone: zone }, now),
      startSchedule(spec(entry(cron("0 2 * * *"))), now),
      startSchedule(spec(entry(cron("0 2 * * *"), { dst: { gap: "skip", overlap: "first" } })), now),
    ].map(({ rule }) => rule);
    expect(rules[0]).toBe(rules[1]);
    expect(rules[1]).not.toBe(rules[2]);
  });
});
