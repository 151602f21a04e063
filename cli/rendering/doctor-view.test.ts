import { describe, expect, it } from "vitest";
import { type Diagnosis, hasProblem, type StateFinding, toJson } from "../doctor/diagnosis.ts";
import { renderDiagnosis } from "./doctor-view.ts";
import { createPaint } from "./paint.ts";

const paint = createPaint(false);

const finding: StateFinding = {
  check: "run_state",
  severity: "problem",
  guarantee: "G5",
  dagRunId: "r1",
  subject: "r1",
  count: 1,
  detail: "recorded success; what follows is failed",
  outcome: "possible",
  advice: "change states with the command line",
};

function diagnosisOf(findings: readonly StateFinding[], findingCount = findings.length): Diagnosis {
  const checks = [
    { name: "server", status: "ok", detail: "answers", fix: "" },
    { name: "workers", status: "warning", detail: "none is in service", fix: "start one" },
  ] as const;
  return { checks, state: { checkedRuns: 1200, checkedFiles: 0, hasMoreFiles: false, findingCount, findings } };
}

describe("what doctor shows", () => {
  it("is a line a check with its fix, and what is wrong with the state", () => {
    expect(renderDiagnosis(diagnosisOf([finding], 3), { paint })).toEqual([
      "● ok       server   answers",
      "▲ warning  workers  none is in service",
      "                    fix: start one",
      "",
      "State: 1,200 runs looked at, 3 findings.",
      "✗ run_state (G5)  r1",
      "    recorded success; what follows is failed",
      "    a repair is safe: `millrace doctor --repair`",
      "and 2 more",
    ]);
  });

  it("says so when nothing is wrong, and when nobody could look", () => {
    expect(renderDiagnosis(diagnosisOf([]), { paint }).at(-1)).toBe("State: 1,200 runs looked at, nothing is wrong.");
    const { checks, state } = diagnosisOf([]);
    const cut = { checks, state: state === null ? null : { ...state, checkedFiles: 5000, hasMoreFiles: true } };
    expect(renderDiagnosis(cut, { paint }).slice(-2)).toEqual([
      "State: 1,200 runs and 5,000 files looked at, nothing is wrong.",
      "There are more files: `millrace doctor --all-files` looks at all of them.",
    ]);
    const unseen = { checks: diagnosisOf([]).checks, state: null };
    expect(renderDiagnosis(unseen, { paint }).at(-1)).toBe("The state of the runs was not looked at.");
  });

  it.each([
    ["possible", "problem", true],
    ["by_hand", "problem", true],
    ["repaired", "problem", false],
    ["by_hand", "warning", false],
    ["by_hand", "info", false],
  ])("is a problem or none: %s %s", (outcome, severity, expected) => {
    expect(hasProblem(diagnosisOf([{ ...finding, outcome, severity }]))).toBe(expected);
  });

  it("is for programs in the words of the API", () => {
    expect(toJson(diagnosisOf([finding]))).toMatchObject({
      status: "problem",
      checked_runs: 1200,
      findings: [{ check: "run_state", dag_run_id: "r1", outcome: "possible" }],
    });
  });
});
