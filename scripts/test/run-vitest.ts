import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tally } from "../check/run-check.ts";
import { runCommand } from "../process/run-command.ts";

/** The parts of vitest's JSON report that are counted. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Runs one project of vitest.config.ts, showing its output, and counts its tests. */
export async function runVitest(project: "unit" | "e2e", filters: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const reportPath = join(folder, "report.json");
  try {
    const args = ["run", "--project", project, "--passWithNoTests"];
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`];
    const { code } = await runCommand("vitest", [...args, ...reporters, ...filters], { live: true });
    const report = existsSync(reportPath) ? (JSON.parse(readFileSync(reportPath, "utf8")) as VitestReport) : null;
    return countTests(report, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Counts passed and failed tests. A file that failed without a failed test (it did not load, a hook threw) counts as
 * one failure, and so does a run that failed for no reason in the report or left none.
 */
export function countTests(report: VitestReport | null, exitCode: number): Tally {
  if (report === null) return { passed: 0, failed: exitCode === 0 ? 0 : 1 };
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((assertion) => assertion.status === "failed"),
  );
  const failed = report.numFailedTests + brokenFiles.length;
  return { passed: report.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}
