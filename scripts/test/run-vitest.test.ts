import { describe, expect, test } from "vitest";
import { join } from "node:path";
import { ROOT } from "../process/run-command.ts";
import { countTests, listSkipped, type VitestReport } from "./run-vitest.ts";

function report(passed: number, failed: number, ...files: VitestReport["testResults"]): VitestReport {
  return { numPassedTests: passed, numFailedTests: failed, testResults: files };
}

const failedTest = {
  name: "a.test.ts",
  status: "failed",
  assertionResults: [{ status: "passed" }, { status: "failed" }],
};
const brokenFile = { name: "b.test.ts", status: "failed", assertionResults: [] };

describe("countTests", () => {
  test.each([
    ["all passed", report(5, 0), 0, { passed: 5, failed: 0 }],
    ["a failed test", report(1, 1, failedTest), 1, { passed: 1, failed: 1 }],
    ["a file that did not load", report(3, 0, brokenFile), 1, { passed: 3, failed: 1 }],
    ["a failed test and a broken file", report(1, 1, failedTest, brokenFile), 1, { passed: 1, failed: 2 }],
    ["an error outside the tests", report(5, 0), 1, { passed: 5, failed: 1 }],
    ["a run that left no report", null, 1, { passed: 0, failed: 1 }],
    ["a project without test files", null, 0, { passed: 0, failed: 0 }],
  ])("%s", (_, given, exitCode, expected) => {
    expect(countTests(given, exitCode)).toEqual(expected);
  });
});

test("files with skipped tests are listed with their number, others not", () => {
  const [passed, skipped] = [{ status: "passed" }, { status: "skipped" }];
  const file = (name: string, ...assertionResults: { status: string }[]) => ({
    name: join(ROOT, name),
    status: "passed",
    assertionResults,
  });
  const given = report(3, 0, file("libs/a.test.ts", passed), file("libs/b.test.ts", skipped, passed, skipped));
  expect(listSkipped(given)).toEqual(["libs/b.test.ts: 2"]);
  expect(listSkipped(null)).toEqual([]);
});
