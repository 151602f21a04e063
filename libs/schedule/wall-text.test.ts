import { describe, expect, test } from "vitest";
import { endOf, parseWallText, startOf } from "./wall-text.ts";
import { openZone } from "./zone.ts";

const newYork = openZone("America/New_York");

function read(text: string): { start: string; end: string } | null {
  const found = parseWallText(text);
  if (found === null) return null;
  return { start: new Date(startOf(found, newYork)).toISOString(), end: new Date(endOf(found, newYork)).toISOString() };
}

describe("parseWallText", () => {
  test.each([
    ["2026-12-24T14:30:00", "2026-12-24T19:30:00.000Z"],
    ["2026-12-24 14:30", "2026-12-24T19:30:00.000Z"],
    [" 2026-07-01T14:30:15.5 ", "2026-07-01T18:30:15.500Z"],
    ["2026-12-24T14:30:00Z", "2026-12-24T14:30:00.000Z"],
    ["2026-12-24 14:30-03:30", "2026-12-24T18:00:00.000Z"],
    ["2026-11-01 01:30", "2026-11-01T05:30:00.000Z"],
    ["2026-03-08 02:30", "2026-03-08T07:30:00.000Z"],
  ])("reads the time %s as %s", (text, expected) => {
    expect(read(text)).toEqual({ start: expected, end: expected });
  });

  test("a date is its whole day, also one of 25 hours", () => {
    expect(read("2026-07-01")).toEqual({ start: "2026-07-01T04:00:00.000Z", end: "2026-07-02T03:59:59.999Z" });
    expect(read("2026-11-01")).toEqual({ start: "2026-11-01T04:00:00.000Z", end: "2026-11-02T04:59:59.999Z" });
  });

  test.each([
    "",
    "tomorrow",
    "2026-02-30",
    "2026-13-01",
    "2026-01-01T24:00:00",
    "2026-01-01T12:60",
    "2026-1-1",
    "26-01-01",
    "14:30",
    "2026-01-01T12",
    "2026-01-01Z",
  ])("refuses %s", (text) => {
    expect(parseWallText(text)).toBeNull();
  });
});
