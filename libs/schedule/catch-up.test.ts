import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CatchUp, type DueSlot, decideCatchUp } from "./catch-up.ts";
import { nextFireTime, nextFireTimes } from "./next-fire-times.ts";
import { openSchedule } from "./schedule.ts";
import { policyOf, type SchedulePolicy } from "./schedule-policy.ts";

const hourly = openSchedule({ text: "0 * * * *", timezone: "UTC" }, null);
const hour = 3_600_000;

function at(text: string): number {
  return Date.parse(`2026-01-${text}Z`);
}

/** Times as `DDTHH:MM`. */
function decide(policy: Partial<SchedulePolicy>, due: Partial<DueSlot> & Pick<DueSlot, "dueAt" | "now">): object {
  const decided = decideCatchUp(hourly, policyOf(policy), { backlogEnd: null, delayOf: () => 0, ...due });
  const word = (time: number | null): string | null =>
    time === null ? null : new Date(time).toISOString().slice(8, 16);
  const { slot, nextAt, backlogEnd, leftOut } = decided;
  return {
    slot: word(slot),
    nextAt: word(nextAt),
    backlogEnd: word(backlogEnd),
    leftOut: leftOut === null ? null : `${word(leftOut.from)}–${word(leftOut.to)} ${leftOut.count} ${leftOut.reason}`,
  };
}

const onTime = { dueAt: at("10T05:00"), now: at("10T05:00:00.020") };
const late = { dueAt: at("10T05:00"), now: at("10T09:30") };

test.each(["none", "latest", "all"] as const)("on time there is nothing to catch up: %s", (catchup) => {
  const expected = { slot: "10T05:00", nextAt: "10T06:00", backlogEnd: null, leftOut: null };
  expect(decide({ catchup }, onTime)).toEqual(expected);
});

describe("five slots late", () => {
  test("none makes none of them, and goes on with the next", () => {
    const leftOut = "10T05:00–10T09:00 5 missed";
    expect(decide({ catchup: "none" }, late)).toEqual({ slot: null, nextAt: "10T10:00", backlogEnd: null, leftOut });
  });

  test("none still makes a slot that is no more than a minute late", () => {
    const leftOut = "10T05:00–10T08:00 4 missed";
    expect(decide({ catchup: "none" }, { ...late, now: at("10T09:00:59") })).toEqual({
      slot: "10T09:00",
      nextAt: "10T10:00",
      backlogEnd: null,
      leftOut,
    });
  });

  test("latest makes the last one", () => {
    const leftOut = "10T05:00–10T08:00 4 missed";
    expect(decide({}, late)).toEqual({ slot: "10T09:00", nextAt: "10T10:00", backlogEnd: null, leftOut });
  });

  test("all makes the first one and keeps the others as a backlog", () => {
    expect(decide({ catchup: "all" }, late)).toEqual({
      slot: "10T05:00",
      nextAt: "10T06:00",
      backlogEnd: "10T09:00",
      leftOut: null,
    });
  });

  test("all with a limit leaves out the oldest", () => {
    expect(decide({ catchup: "all", maxCatchup: 3 }, late)).toEqual({
      slot: "10T07:00",
      nextAt: "10T08:00",
      backlogEnd: "10T09:00",
      leftOut: "10T05:00–10T06:00 2 limit",
    });
  });

  test("a backlog is made one by one, whatever the policy", () => {
    expect(decide({ catchup: "none" }, { ...late, backlogEnd: at("10T07:00") })).toEqual({
      slot: "10T05:00",
      nextAt: "10T06:00",
      backlogEnd: "10T07:00",
      leftOut: null,
    });
    expect(decide({ catchup: "latest" }, { ...late, backlogEnd: at("10T05:00") })).toEqual({
      slot: "10T05:00",
      nextAt: "10T06:00",
      backlogEnd: null,
      leftOut: null,
    });
  });
});

describe("a jitter", () => {
  const delays = new Map([
    [at("10T06:00"), 30],
    [at("10T07:00"), 1],
    [at("10T08:00"), 50],
  ]);
  const delayOf = (slot: number): number => (delays.get(slot) ?? 0) * 60_000;
  const due = { dueAt: at("10T05:00"), delayOf };

  test("a slot whose turn has not come is not due", () => {
    expect(decide({ jitterMs: hour }, { ...due, now: at("10T06:10") })).toMatchObject({
      slot: "10T05:00",
      leftOut: null,
    });
    expect(decide({ jitterMs: hour }, { ...due, now: at("10T06:31") })).toMatchObject({ slot: "10T06:00" });
    expect(decide({ jitterMs: hour }, { ...due, now: at("10T08:20") })).toMatchObject({ slot: "10T07:00" });
    expect(decide({ jitterMs: hour, catchup: "all" }, { ...due, now: at("10T08:20") })).toMatchObject({
      slot: "10T05:00",
      backlogEnd: "10T07:00",
    });
  });
});

test("a slot that its zone no longer has is made all the same", () => {
  const due = { dueAt: at("10T05:30"), now: at("10T05:31") };
  expect(decide({}, due)).toMatchObject({ slot: "10T05:30", nextAt: "10T06:00", leftOut: null });
});

test("a schedule that has ended goes on nowhere", () => {
  const entry = {
    rule: { kind: "at", at: "2026-01-10 05:00" } as const,
    timezone: "UTC",
    startAt: null,
    endAt: null,
    dst: { gap: "shift", overlap: "first" } as const,
  };
  const once = openSchedule({ text: "at", timezone: "UTC", entries: [entry] }, null);
  const due = { dueAt: at("10T05:00"), now: at("12T00:00"), backlogEnd: null, delayOf: () => 0 };
  expect(decideCatchUp(once, policyOf({}), due)).toEqual({
    slot: at("10T05:00"),
    nextAt: null,
    backlogEnd: null,
    leftOut: null,
  });
});

describe("followed through to its end", () => {
  /** All that is made and left out from the due slot on, until nothing is due. */
  function follow(policy: SchedulePolicy, start: { dueAt: number; now: number; text: string }): CatchUp[] {
    const schedule = openSchedule({ text: start.text, timezone: "Europe/Berlin" }, null);
    const decided: CatchUp[] = [];
    let due: { dueAt: number; backlogEnd: number | null } = { dueAt: start.dueAt, backlogEnd: null };
    while (due.dueAt <= start.now) {
      const next = decideCatchUp(schedule, policy, { ...due, now: start.now, delayOf: () => 0 });
      decided.push(next);
      if (next.nextAt === null) break;
      due = { dueAt: next.nextAt, backlogEnd: next.backlogEnd };
    }
    return decided;
  }

  test("each slot is made or left out once, none is in the future, and no more are made than may be", () => {
    const text = fc.constantFrom("0 * * * *", "*/7 * * * *", "30 2 * * *", "0 0 31 * *");
    const policy = fc.record({
      catchup: fc.constantFrom("none" as const, "latest" as const, "all" as const),
      maxCatchup: fc.integer({ min: 1, max: 12 }),
    });
    const from = fc.integer({ min: Date.UTC(2026, 2, 27), max: Date.UTC(2026, 2, 31) });
    fc.assert(
      fc.property(text, policy, from, fc.integer({ min: 0, max: 48 * hour }), (cron, given, begin, spanMs) => {
        const schedule = openSchedule({ text: cron, timezone: "Europe/Berlin" }, null);
        const dueAt = nextFireTime(schedule, begin) ?? 0;
        const now = dueAt + spanMs;
        const decided = follow(policyOf(given), { dueAt, now, text: cron });
        const slots = nextFireTimes(schedule, dueAt - 1, 1000).map(({ at: slot }) => slot);
        const due = slots.filter((slot) => slot <= now);
        const made = decided.flatMap(({ slot }) => (slot === null ? [] : [slot]));
        const leftOut = decided.flatMap(({ leftOut: left }) =>
          left === null ? [] : due.filter((slot) => slot >= left.from && slot <= left.to),
        );
        expect([...made, ...leftOut].sort((a, b) => a - b)).toEqual(due);
        expect(decided.reduce((total, { leftOut: left }) => total + (left?.count ?? 0), 0)).toBe(leftOut.length);
        expect(made.length).toBeLessThanOrEqual(given.catchup === "all" ? given.maxCatchup : 1);
        expect(decided.at(-1)?.nextAt).toBe(slots[due.length]);
      }),
    );
  });
});
