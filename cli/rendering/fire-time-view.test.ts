import { describe, expect, test } from "vitest";
import { type FireTimeList, renderFireTimes } from "./fire-time-view.ts";
import { createPaint } from "./paint.ts";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function render(changes: Partial<FireTimeList>): readonly string[] {
  const list: FireTimeList = {
    dagId: "etl",
    text: "30 2 * * *",
    timezone: "America/New_York",
    isPaused: false,
    times: [],
    ...changes,
  };
  const now = Date.parse("2026-03-08T07:00:00Z");
  return renderFireTimes(list, { paint: createPaint(false), width: null, now }).map((line) => line.trimEnd());
}

const times: FireTimeList["times"] = [
  { at: "2026-03-08T06:30:00.000Z", local: "2026-03-08T01:30:00-05:00", note: null },
  { at: "2026-03-08T07:30:00.000Z", local: "2026-03-08T03:30:00-04:00", note: "gap" },
];

describe("renderFireTimes", () => {
  test("shows each time in the schedule's zone and in the reader's, with its distance and its note", () => {
    const [title, header, first, second] = render({ times });
    expect(title).toBe("etl  30 2 * * * (America/New_York)");
    expect(header).toMatch(/^AMERICA\/NEW_YORK +HERE \(.+\) +IN +NOTE$/);
    expect(first).toMatch(/^2026-03-08 01:30:00 -05:00 +2026-03-0\d \d\d:30:00 [+-]\d\d:\d\d +past$/);
    expect(second).toMatch(/^2026-03-08 03:30:00 -04:00 .* 30m 00s {2}gap: the clocks skip its own time$/);
  });

  test("shows one column where the reader is in the schedule's zone, and says when it is paused", () => {
    const [, paused, header] = render({ times, timezone: zone, isPaused: true });
    expect(paused).toBe("paused: no run is made until the DAG is resumed");
    expect(header).not.toContain("HERE");
  });

  test.each([
    [{ text: "" }, "etl has no schedule: manual runs only"],
    [{ text: "@continuous" }, "etl runs again whenever its last run has ended"],
    [{ text: "at 2020-01-01" }, "etl (at 2020-01-01) does not fire any more"],
  ])("says why there are none: %j", (changes, line) => {
    expect(render(changes)).toEqual([line]);
  });
});
