import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nextFireTimes } from "#schedule/cron.ts";
import { planScheduledRun } from "./plan-scheduled-run.ts";

const nightly = { text: "0 2 * * *", timezone: "UTC" };

function at(text: string): number {
  return Date.parse(text);
}

test("a slot that is due runs with its own date; the schedule goes on at the next", () => {
  const dueAt = at("2026-01-15T02:00:00Z");

  expect(planScheduledRun({ schedule: nightly, dueAt, now: dueAt + 40 })).toEqual({
    logicalAt: dueAt,
    intervalStartAt: at("2026-01-14T02:00:00Z"),
    nextAt: at("2026-01-16T02:00:00Z"),
    skippedFrom: null,
  });
});

test("missed slots collapse into the latest that is over", () => {
  expect(
    planScheduledRun({ schedule: nightly, dueAt: at("2026-01-10T02:00:00Z"), now: at("2026-01-15T13:00:00Z") }),
  ).toEqual({
    logicalAt: at("2026-01-15T02:00:00Z"),
    intervalStartAt: at("2026-01-14T02:00:00Z"),
    nextAt: at("2026-01-16T02:00:00Z"),
    skippedFrom: at("2026-01-10T02:00:00Z"),
  });
});

test("a clock that went back runs the due slot once and goes on after it", () => {
  const dueAt = at("2026-01-15T02:00:00Z");

  expect(planScheduledRun({ schedule: nightly, dueAt, now: dueAt - 86_400_000 })).toMatchObject({
    logicalAt: dueAt,
    nextAt: at("2026-01-16T02:00:00Z"),
    skippedFrom: null,
  });
});

test("the longest outage of a minutely schedule costs no enumeration", () => {
  const begun = performance.now();

  const plan = planScheduledRun({
    schedule: { text: "* * * * *", timezone: "Europe/Berlin" },
    dueAt: at("2016-01-01T00:00:00Z"),
    now: at("2026-01-01T00:00:30Z"),
  });

  expect(plan.logicalAt).toBe(at("2026-01-01T00:00:00Z"));
  expect(performance.now() - begun).toBeLessThan(1000);
});

test("followed through any outages, slots rise, are never in the future, and none is left out but by collapsing", () => {
  const schedule = fc.constantFrom(
    nightly,
    { text: "*/20 * * * *", timezone: "Europe/Berlin" },
    { text: "30 1,2 * * *", timezone: "America/New_York" },
  );
  const gaps = fc.array(fc.integer({ min: 1000, max: 5 * 86_400_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(schedule, gaps, (schedule, gaps) => {
      let now = at("2026-10-20T00:00:00Z");
      let dueAt = nextFireTimes(schedule, now, 1)[0] ?? 0;
      for (const gap of gaps) {
        now += gap;
        if (dueAt > now) continue;
        const plan = planScheduledRun({ schedule, dueAt, now });
        expect(plan.logicalAt).toBeLessThanOrEqual(now);
        expect(plan.logicalAt).toBeGreaterThanOrEqual(dueAt);
        expect(plan.intervalStartAt).toBeLessThan(plan.logicalAt);
        expect(plan.nextAt).toBeGreaterThan(now);
        expect(nextFireTimes(schedule, plan.intervalStartAt, 2)).toEqual([plan.logicalAt, plan.nextAt]);
        dueAt = plan.nextAt ?? Number.POSITIVE_INFINITY;
      }
    }),
  );
});
