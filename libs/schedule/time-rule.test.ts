import { describe, expect, test } from "vitest";
import { readAtRule, readCronRule, readEveryRule } from "./time-rule.ts";

function problemOf(read: ReturnType<typeof readCronRule>): string {
  return read.isGood ? "" : read.problem;
}

describe("readCronRule", () => {
  test.each([
    ["0 2 * * *", { kind: "cron", cron: "0 2 * * *" }],
    ["@Daily", { kind: "cron", cron: "@Daily" }],
    ["@every 1h30m", { kind: "every", everyMs: 5_400_000 }],
    ["  @EVERY   15m ", { kind: "every", everyMs: 900_000 }],
    ["@once", { kind: "once" }],
    ["@continuous", { kind: "continuous" }],
  ])("%s", (text, rule) => {
    expect(readCronRule(text)).toEqual({ isGood: true, rule });
  });

  test.each([
    ["@fortnightly", 'unknown macro "@fortnightly"; use five fields or one of @annually'],
    [`@${"x".repeat(500)}`, "…"],
    ["@every", 'unknown macro "@every"'],
    ["@every soon", "an interval must be a duration"],
    ["@every 10ms", "an interval is at least 1s"],
    ["0 2 * *", "found 4"],
  ])("refuses %s", (text, reason) => {
    expect(problemOf(readCronRule(text))).toContain(reason);
  });
});

test("intervals and single times say what they should be", () => {
  expect(readEveryRule("15m")).toEqual({ isGood: true, rule: { kind: "every", everyMs: 900_000 } });
  expect(problemOf(readEveryRule("0s"))).toContain("greater than zero");
  expect(readAtRule(" 2026-12-24 14:30")).toEqual({ isGood: true, rule: { kind: "at", at: "2026-12-24 14:30" } });
  expect(problemOf(readAtRule("2026-02-30"))).toContain("a real date such as 2026-12-24");
});
