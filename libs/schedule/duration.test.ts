import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, maxDurationMs, parseDuration } from "./duration.ts";

test.each([
  ["30s", 30_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  ["1h30m", 5_400_000],
  ["1d2h3m4s5ms", 93_784_005],
  ["250ms", 250],
  ["1.5h", 5_400_000],
  ["PT30S", 30_000],
  ["PT1H30M", 5_400_000],
  ["P1DT12H", 129_600_000],
  ["P2W", 1_209_600_000],
  ["PT0.5S", 500],
])("reads %s", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([
  "",
  "0s",
  "PT0S",
  "P",
  "PT",
  "P1DT",
  "30",
  "s",
  "-5s",
  "5 m",
  "30m1h",
  "1h1h",
  "1y",
  "P1Y",
  "P1M",
  "1e3s",
  "9999d",
  "5S",
])("refuses %j", (text) => {
  expect(parseDuration(text)).toBeNull();
});

test("a formatted duration reads back as itself", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: maxDurationMs }), (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
    }),
  );
});

test("formats with the largest units first", () => {
  expect(formatDuration(5_400_000)).toBe("1h30m");
  expect(formatDuration(15_000)).toBe("15s");
  expect(formatDuration(0)).toBe("0s");
});
