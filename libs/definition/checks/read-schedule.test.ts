import { describe, expect, test } from "vitest";
import { parseDefinition } from "../parse-definition.ts";
import { z } from "zod";

const operators = new Map([["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }]]);
const tasks = "tasks:\n  - {id: a, type: noop, operator: {}}\n";

function parse(schedule: string) {
  const text = `id: x\ntimezone: Europe/Berlin\n${schedule}\n${tasks}`;
  return parseDefinition(text, { file: "dag.yaml", operators, maxTaskTimeoutMs: 1000 });
}

function scheduleOf(schedule: string) {
  const { definition, problems } = parse(schedule);
  expect(problems).toEqual([]);
  return definition?.schedule;
}

/** Problems as `line:column CODE message (hint)`. */
function problemsOf(schedule: string): string[] {
  return parse(schedule).problems.map(
    ({ line, column, code, message, hint }) => `${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

const dst = { gap: "shift", overlap: "first" };
const plain = { timezone: "Europe/Berlin", startAt: null, endAt: null, dst };

describe("the long form", () => {
  test("in full", () => {
    const schedule = scheduleOf(
      [
        "schedule:",
        '  cron: "0 2 * * *"',
        "  timezone: America/New_York",
        "  start_date: 2026-01-01",
        "  end_date: 2026-12-31",
        "  catchup: all",
        "  max_catchup: 7",
        "  dst: {gap: skip, overlap: both}",
        "  overlap: queue",
        "  jitter: 30s",
        "  pause_after_failures: 5",
      ].join("\n"),
    );
    expect(schedule).toEqual({
      text: "0 2 * * *",
      timezone: "America/New_York",
      entries: [
        {
          rule: { kind: "cron", cron: "0 2 * * *" },
          timezone: "America/New_York",
          startAt: Date.parse("2026-01-01T05:00:00Z"),
          endAt: Date.parse("2027-01-01T05:00:00Z") - 1,
          dst: { gap: "skip", overlap: "both" },
        },
      ],
      catchup: "all",
      maxCatchup: 7,
      overlap: "queue",
      jitterMs: 30_000,
      pauseAfterFailures: 5,
    });
  });

  test.each([
    ["schedule: {cron: '@daily'}", { text: "@daily", timezone: "Europe/Berlin" }],
    ["schedule: {every: 15m}", { text: "@every 15m", timezone: "Europe/Berlin" }],
    ["schedule: '@every 15m'", { text: "@every 15m", timezone: "Europe/Berlin" }],
    ["schedule: '@once'", { text: "@once", timezone: "Europe/Berlin" }],
    [
      "schedule: {cron: '@continuous', pause_after_failures: 3}",
      { text: "@continuous", timezone: "Europe/Berlin", pauseAfterFailures: 3 },
    ],
    ["schedule: {cron: '0 2 * * *', catchup: none}", { text: "0 2 * * *", timezone: "Europe/Berlin", catchup: "none" }],
  ])("stays short where the text says all: %s", (line, expected) => {
    expect(scheduleOf(line)).toEqual(expected);
  });

  test("single times are read as they stand, quoted or not", () => {
    const rule = (at: string) => ({ rule: { kind: "at", at }, ...plain });
    expect(scheduleOf("schedule: {at: 2026-12-24T14:30:00}")).toMatchObject({
      text: "at 2026-12-24T14:30:00",
      entries: [rule("2026-12-24T14:30:00")],
    });
    expect(scheduleOf('schedule: {at: ["2026-12-24 14:30", 2026-12-25]}')).toMatchObject({
      text: "at 2026-12-24 14:30; at 2026-12-25",
      entries: [rule("2026-12-24 14:30"), rule("2026-12-25")],
    });
  });

  test("a list holds texts and maps, with zones and bounds of their own", () => {
    const schedule = scheduleOf(
      [
        "schedule:",
        '  - "0 8 * * MON-FRI"',
        "  - {cron: '0 10 * * SAT', timezone: Asia/Tokyo, dst: {gap: next}}",
        "  - {every: 6h, start_date: 2026-02-01T00:00:00Z}",
        "  - at: 2026-12-24 14:30",
        "  - '@hourly'",
      ].join("\n"),
    );
    expect(schedule?.text).toBe("0 8 * * MON-FRI; 0 10 * * SAT; @every 6h; 2 more");
    expect(schedule?.entries).toMatchObject([
      { rule: { cron: "0 8 * * MON-FRI" }, ...plain },
      { rule: { cron: "0 10 * * SAT" }, timezone: "Asia/Tokyo", dst: { gap: "next", overlap: "first" } },
      { rule: { everyMs: 21_600_000 }, startAt: Date.parse("2026-02-01T00:00:00Z") },
      { rule: { at: "2026-12-24 14:30" } },
      { rule: { cron: "@hourly" } },
    ]);
  });

  test("entries beside a policy take what is said around them", () => {
    const schedule = scheduleOf(
      "schedule: {entries: ['0 8 * * *', {cron: '0 9 * * *', timezone: UTC}], timezone: Asia/Tokyo, start_date: 2026-01-01, catchup: all}",
    );
    const startAt = Date.parse("2025-12-31T15:00:00Z");
    expect(schedule).toMatchObject({
      timezone: "Asia/Tokyo",
      catchup: "all",
      entries: [
        { timezone: "Asia/Tokyo", startAt },
        { timezone: "UTC", startAt },
      ],
    });
  });
});

describe("problems", () => {
  test.each([
    [
      "schedule: '0 2 * *'",
      "3:11 INVALID_CRON a cron expression has 5 fields (minute hour day-of-month month day-of-week), found 4",
    ],
    ["schedule: {cron: ['0 2 * * *', '0 25 * * *']}", '3:32 INVALID_CRON bad hour "25": use 0–23, with * , - and /'],
    ["schedule: {every: 10}", "3:19 INVALID_TYPE `schedule.every` can't be 10 (give a unit, for example 10s)"],
    ["schedule: {every: 10ms}", "3:19 INVALID_INTERVAL an interval is at least 1s"],
    [
      "schedule: {at: 2026-02-30}",
      "3:16 INVALID_DATE a time must be a real date such as 2026-12-24, 2026-12-24T14:30:00 or 2026-12-24 14:30",
    ],
    [
      "schedule: {cron: '@daily', start_date: soon}",
      "3:40 INVALID_DATE `start_date` must be a real date such as 2026-12-24, 2026-12-24T14:30:00 or 2026-12-24 14:30",
    ],
    [
      "schedule: {cron: '@daily', start_date: 2026-02-01, end_date: 2026-01-31}",
      "3:62 INVALID_DATE `end_date` is before `start_date`",
    ],
    [
      "schedule: {cron: '0 0 29 2 *', start_date: 2026-01-01, end_date: 2027-12-31}",
      '3:18 NEVER_FIRES "0 0 29 2 *" never fires: not within its start and end dates',
    ],
    [
      "schedule: {at: 2026-03-29 02:30, dst: {gap: skip}}",
      '3:16 NEVER_FIRES "at 2026-03-29 02:30" never fires: the clocks skip its time',
    ],
    [
      "schedule: {catchup: all}",
      '3:11 MISSING_KEY a schedule needs one of `cron`, `every` and `at` (for example `cron: "0 2 * * *"`)',
    ],
    [
      "schedule: [{timezone: UTC}]",
      '3:12 MISSING_KEY a schedule needs one of `cron`, `every` and `at` (for example `cron: "0 2 * * *"`)',
    ],
    [
      "schedule: {cron: '@daily', timezone: Berlin}",
      '3:38 INVALID_TIMEZONE there is no time zone "Berlin" (did you mean `Europe/Berlin`?)',
    ],
    [
      "schedule: {cron: '@daily', catch_up: all}",
      "3:28 UNKNOWN_KEY the key `catch_up` is not known in `schedule` (did you mean `catchup`?)",
    ],
    [
      "schedule: ['@daily', {every: 1h, catchup: all}]",
      "3:34 UNKNOWN_KEY the key `catchup` is not known in `schedule[1]` (the keys here are cron, every, at, timezone, start_date, end_date, dst)",
    ],
    [
      "schedule: {cron: '@daily', jitter: 30}",
      "3:36 INVALID_TYPE `schedule.jitter` must be text, not 30 (give a unit, for example 30s)",
    ],
    ["schedule: {cron: '@daily', jitter: 2d}", "3:36 INVALID_VALUE `schedule.jitter` must be at most 1d"],
    ["schedule: {cron: '@daily', max_catchup: 0}", "3:41 OUT_OF_RANGE `schedule.max_catchup` must be at least 1"],
    [
      "schedule: {cron: '@daily', dst: {gap: move}}",
      '3:39 INVALID_VALUE `schedule.dst.gap` must be one of shift, next, skip, not the text "move"',
    ],
    [
      "schedule: ['@continuous', '@daily']",
      "3:12 INVALID_SCHEDULE `@continuous` follows its own last run and can't stand beside other times",
    ],
    ["schedule: []", "3:11 OUT_OF_RANGE `schedule` must have at least 1 entries"],
  ])("%s", (line, problem) => {
    expect(problemsOf(line)).toEqual([problem]);
  });

  test("a list that is too long is refused", () => {
    const long = `schedule: {cron: [${"'@daily', ".repeat(60)}'@daily'], every: [${"1h, ".repeat(60)}1h]}`;
    expect(problemsOf(long)).toEqual([
      "3:1 TOO_MANY_ENTRIES the schedule has 122 entries; the limit is 100 (split the definition)",
    ]);
  });

  test("what is wrong in several places is told at once", () => {
    expect(
      problemsOf("schedule: {cron: 'x', at: never, start_date: 1, timezone: 5, dst: 3}").map(
        (text) => text.split(" ")[1],
      ),
    ).toEqual(["INVALID_CRON", "INVALID_DATE", "INVALID_TYPE", "INVALID_TYPE", "INVALID_TYPE"]);
  });
});
