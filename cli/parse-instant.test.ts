import { expect, test } from "vitest";
import { parseInstant } from "./parse-instant.ts";

test.each([
  ["2026-01-31", Date.UTC(2026, 0, 31)],
  ["2026-01-31T02:00Z", Date.UTC(2026, 0, 31, 2)],
  ["2026-01-31T02:00:00.5+01:00", Date.UTC(2026, 0, 31, 1, 0, 0, 500)],
  ["2024-02-29", Date.UTC(2024, 1, 29)],
])("%s is an instant", (text, expected) => {
  expect(parseInstant(text)).toBe(expected);
});

test.each([
  "2026-02-30",
  "2026-02-30T00:00:00Z",
  "2026-13-01",
  "2026-01-31T02:00",
  "2026-01-31T25:00Z",
  "yesterday",
  "1",
  "",
])("%s is none", (text) => {
  expect(parseInstant(text)).toBeNull();
});
