import { describe, expect, test } from "vitest";
import { parseCron } from "./cron.ts";
import { cronTimes, type DstPolicy } from "./cron-times.ts";
import { formatWallTime, openZone } from "./zone.ts";

interface Case {
  readonly cron: string;
  readonly zone: string;
  readonly after: string;
  readonly dst?: Partial<DstPolicy>;
}

/** Fire times as `instant wall-time note`. */
function times({ cron, zone, after, dst }: Case, count: number): string[] {
  const found: string[] = [];
  const opened = openZone(zone);
  const policy: DstPolicy = { gap: "shift", overlap: "first", ...dst };
  for (const { at, note } of cronTimes(parseCron(cron), opened, policy, Date.parse(after))) {
    const instant = new Date(at).toISOString().replace(":00.000Z", "Z");
    found.push([instant, formatWallTime(at, opened).slice(0, 16), note ?? ""].join(" ").trim());
    if (found.length === count) break;
  }
  return found;
}

const newYork = { zone: "America/New_York", after: "2026-03-07T12:00Z" };
const fall = { zone: "America/New_York", after: "2026-10-31T12:00Z" };

describe("a fixed time in a spring gap", () => {
  test("shift runs it once, at the instant that it has with the offset before the gap", () => {
    expect(times({ ...newYork, cron: "30 2 * * *" }, 2)).toEqual([
      "2026-03-08T07:30Z 2026-03-08T03:30 gap",
      "2026-03-09T06:30Z 2026-03-09T02:30",
    ]);
    expect(times({ ...newYork, cron: "0 2 * * *" }, 1)).toEqual(["2026-03-08T07:00Z 2026-03-08T03:00 gap"]);
  });

  test("next runs it at the first valid time", () => {
    const dst = { gap: "next" } as const;
    expect(times({ ...newYork, cron: "30 2 * * *", dst }, 2)).toEqual([
      "2026-03-08T07:00Z 2026-03-08T03:00 gap",
      "2026-03-09T06:30Z 2026-03-09T02:30",
    ]);
    expect(times({ ...newYork, cron: "0,10,50 2 * * *", dst }, 2)).toEqual([
      "2026-03-08T07:00Z 2026-03-08T03:00 gap",
      "2026-03-09T06:00Z 2026-03-09T02:00",
    ]);
  });

  test("skip leaves it out", () => {
    expect(times({ ...newYork, cron: "30 2 * * *", dst: { gap: "skip" } }, 1)).toEqual([
      "2026-03-09T06:30Z 2026-03-09T02:30",
    ]);
  });

  test("times that are moved come in the order of their instants, and those that meet are one", () => {
    expect(times({ ...newYork, cron: "0,30 2,3 * * *" }, 3)).toEqual([
      "2026-03-08T07:00Z 2026-03-08T03:00 gap",
      "2026-03-08T07:30Z 2026-03-08T03:30 gap",
      "2026-03-09T06:00Z 2026-03-09T02:00",
    ]);
    expect(times({ ...newYork, cron: "5,45 2,3 * * *" }, 2).map((text) => text.slice(0, 17))).toEqual([
      "2026-03-08T07:05Z",
      "2026-03-08T07:45Z",
    ]);
    expect(times({ ...newYork, cron: "50 2 * * *" }, 1)).toEqual(["2026-03-08T07:50Z 2026-03-08T03:50 gap"]);
  });

  test("steps of minutes within a named hour are fixed times too", () => {
    expect(times({ ...newYork, cron: "*/30 2 * * *" }, 2)).toEqual([
      "2026-03-08T07:00Z 2026-03-08T03:00 gap",
      "2026-03-08T07:30Z 2026-03-08T03:30 gap",
    ]);
  });
});

describe("an autumn overlap", () => {
  test("a fixed time fires once, the first time", () => {
    expect(times({ ...fall, cron: "0,30 1 * * *" }, 3)).toEqual([
      "2026-11-01T05:00Z 2026-11-01T01:00 overlap",
      "2026-11-01T05:30Z 2026-11-01T01:30 overlap",
      "2026-11-02T06:00Z 2026-11-02T01:00",
    ]);
  });

  test("both fires it in each of the two hours, in the order of the instants", () => {
    expect(times({ ...fall, cron: "0,30 1 * * *", dst: { overlap: "both" } }, 5)).toEqual([
      "2026-11-01T05:00Z 2026-11-01T01:00 overlap",
      "2026-11-01T05:30Z 2026-11-01T01:30 overlap",
      "2026-11-01T06:00Z 2026-11-01T01:00 overlap",
      "2026-11-01T06:30Z 2026-11-01T01:30 overlap",
      "2026-11-02T06:00Z 2026-11-02T01:00",
    ]);
  });

  test("asked for from within the overlap, no time is told twice or left out", () => {
    const cron = "0,30 1 * * *";
    const both = { overlap: "both" } as const;
    expect(times({ ...fall, after: "2026-11-01T05:30Z", cron, dst: both }, 1)).toEqual([
      "2026-11-01T06:00Z 2026-11-01T01:00 overlap",
    ]);
    expect(times({ ...fall, after: "2026-11-01T05:30Z", cron }, 1)).toEqual(["2026-11-02T06:00Z 2026-11-02T01:00"]);
  });
});

describe("an hour with a wildcard or a step", () => {
  test("keeps true intervals in both hours of an overlap, whatever the policy", () => {
    const expected = ["2026-11-01T04:30Z", "2026-11-01T05:30Z", "2026-11-01T06:30Z", "2026-11-01T07:30Z"];
    for (const cron of ["30 * * * *", "30 */1 * * *", "30 0-23/1 * * *"]) {
      const found = times({ ...fall, after: "2026-11-01T04:00Z", cron }, 4);
      expect(found.map((text) => text.slice(0, 17))).toEqual(expected);
    }
  });

  test("has nothing in a gap to move", () => {
    expect(times({ ...newYork, after: "2026-03-08T05:59Z", cron: "30 * * * *" }, 3)).toEqual([
      "2026-03-08T06:30Z 2026-03-08T01:30",
      "2026-03-08T07:30Z 2026-03-08T03:30",
      "2026-03-08T08:30Z 2026-03-08T04:30",
    ]);
    expect(times({ ...newYork, after: "2026-03-08T04:59Z", cron: "0 */2 * * *" }, 2)).toEqual([
      "2026-03-08T05:00Z 2026-03-08T00:00",
      "2026-03-08T08:00Z 2026-03-08T04:00",
    ]);
  });
});

describe("zones", () => {
  test.each<[string, Case, readonly string[]]>([
    [
      "Berlin goes back at 03:00",
      { cron: "30 2 * * *", zone: "Europe/Berlin", after: "2026-10-24T12:00Z" },
      ["2026-10-25T00:30Z 2026-10-25T02:30 overlap", "2026-10-26T01:30Z 2026-10-26T02:30"],
    ],
    [
      "Berlin goes forward at 02:00",
      { cron: "30 2 * * *", zone: "Europe/Berlin", after: "2026-03-28T12:00Z" },
      ["2026-03-29T01:30Z 2026-03-29T03:30 gap", "2026-03-30T00:30Z 2026-03-30T02:30"],
    ],
    [
      "Lord Howe goes forward by half an hour",
      { cron: "15 2 * * *", zone: "Australia/Lord_Howe", after: "2026-10-03T00:00Z" },
      ["2026-10-03T15:45Z 2026-10-04T02:45 gap", "2026-10-04T15:15Z 2026-10-05T02:15"],
    ],
    [
      "Lord Howe goes back by half an hour",
      { cron: "45 1 * * *", zone: "Australia/Lord_Howe", after: "2026-04-04T00:00Z" },
      ["2026-04-04T14:45Z 2026-04-05T01:45 overlap", "2026-04-05T15:15Z 2026-04-06T01:45"],
    ],
    [
      "Lord Howe keeps quarter hours true through its half hour",
      { cron: "*/15 * * * *", zone: "Australia/Lord_Howe", after: "2026-04-04T14:30Z" },
      [
        "2026-04-04T14:45Z 2026-04-05T01:45 overlap",
        "2026-04-04T15:00Z 2026-04-05T01:30 overlap",
        "2026-04-04T15:15Z 2026-04-05T01:45 overlap",
        "2026-04-04T15:30Z 2026-04-05T02:00",
      ],
    ],
    [
      "Apia skipped 30 December 2011: its time is the next day's, and they are one",
      { cron: "0 2 * * *", zone: "Pacific/Apia", after: "2011-12-29T00:00Z" },
      [
        "2011-12-29T12:00Z 2011-12-29T02:00",
        "2011-12-30T12:00Z 2011-12-31T02:00 gap",
        "2011-12-31T12:00Z 2012-01-01T02:00",
      ],
    ],
    [
      "Apia goes on with hours as they pass",
      { cron: "0 * * * *", zone: "Pacific/Apia", after: "2011-12-30T08:30Z" },
      [
        "2011-12-30T09:00Z 2011-12-29T23:00",
        "2011-12-30T10:00Z 2011-12-31T00:00",
        "2011-12-30T11:00Z 2011-12-31T01:00",
      ],
    ],
    [
      "Cairo goes forward at midnight",
      { cron: "0 0 * * *", zone: "Africa/Cairo", after: "2026-04-23T00:00Z" },
      ["2026-04-23T22:00Z 2026-04-24T01:00 gap", "2026-04-24T21:00Z 2026-04-25T00:00"],
    ],
    [
      "Casablanca goes back for Ramadan",
      { cron: "30 2 * * *", zone: "Africa/Casablanca", after: "2026-02-14T12:00Z" },
      ["2026-02-15T01:30Z 2026-02-15T02:30 overlap", "2026-02-16T02:30Z 2026-02-16T02:30"],
    ],
    [
      "Casablanca goes forward after it",
      { cron: "30 2 * * *", zone: "Africa/Casablanca", after: "2026-03-21T12:00Z" },
      ["2026-03-22T02:30Z 2026-03-22T03:30 gap", "2026-03-23T01:30Z 2026-03-23T02:30"],
    ],
    [
      "Sao Paulo went forward at midnight in 2018",
      { cron: "30 0 * * *", zone: "America/Sao_Paulo", after: "2018-11-03T12:00Z" },
      ["2018-11-04T03:30Z 2018-11-04T01:30 gap", "2018-11-05T02:30Z 2018-11-05T00:30"],
    ],
    [
      "Sao Paulo went back at midnight in 2018",
      { cron: "30 23 * * *", zone: "America/Sao_Paulo", after: "2018-02-17T12:00Z" },
      ["2018-02-18T01:30Z 2018-02-17T23:30 overlap", "2018-02-19T02:30Z 2018-02-18T23:30"],
    ],
    [
      "Sao Paulo has no such hours any more",
      { cron: "30 0 * * *", zone: "America/Sao_Paulo", after: "2026-11-01T00:00Z" },
      ["2026-11-01T03:30Z 2026-11-01T00:30"],
    ],
    [
      "Kathmandu is ahead by quarters of an hour",
      { cron: "0 2 * * *", zone: "Asia/Kathmandu", after: "2026-06-30T20:00Z" },
      ["2026-06-30T20:15Z 2026-07-01T02:00"],
    ],
    [
      "Kiritimati is ahead by 14 hours",
      { cron: "0 2 * * *", zone: "Pacific/Kiritimati", after: "2026-06-30T20:00Z" },
      ["2026-07-01T12:00Z 2026-07-02T02:00"],
    ],
    [
      "a day that stands in for the 31st is marked",
      { cron: "0 0 31 * *", zone: "Asia/Tokyo", after: "2026-03-31T00:00Z" },
      ["2026-04-29T15:00Z 2026-04-30T00:00 clamped", "2026-05-30T15:00Z 2026-05-31T00:00"],
    ],
  ])("%s", (_, options, expected) => {
    expect(times(options, expected.length)).toEqual(expected);
  });
});
