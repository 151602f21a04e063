import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { skipsVariable } from "#testing/skipped-tests.ts";
import type { Tally } from "../check/run-check.ts";
import { ROOT, runCommand } from "../process/run-command.ts";

/** The parts of vitest's JSON report that are counted. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    /** The file's path. */
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export interface VitestResult extends Tally {
  /** What was not tested: reasons that tests gave, then files with the number of their tests. */
  readonly skipped: readonly string[];
}

/** Runs one project of vitest.config.ts, showing its output, and counts its tests. */
export async function runVitest(project: "unit" | "e2e", filters: readonly string[]): Promise<VitestResult> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const reportPath = join(folder, "report.json");
  const reasonsPath = join(folder, "skipped");
  try {
    const args = ["run", "--project", project, "--passWithNoTests"];
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`];
    const { code } = await runCommand("vitest", [...args, ...reporters, ...filters], {
      live: true,
      environment: { [skipsVariable]: reasonsPath },
    });
    const report = existsSync(reportPath) ? (JSON.parse(readFileSync(reportPath, "utf8")) as VitestReport) : null;
    const reasons = existsSync(reasonsPath) ? readFileSync(reasonsPath, "utf8").split("\n").filter(Boolean) : [];
    return { ...countTests(report, code), skipped: [...new Set(reasons), ...listSkipped(report)] };
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

/** Files of which tests were skipped, each with their number. */
export function listSkipped(report: VitestReport | null): readonly string[] {
  return (report?.testResults ?? []).flatMap(({ name, assertionResults }) => {
    const count = assertionResults.filter(({ status }) => status === "skipped").length;
    return count === 0 ? [] : [`${relative(ROOT, name)}: ${count}`];
  });
}
