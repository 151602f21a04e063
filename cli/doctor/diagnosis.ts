/** One line of the installation's checks. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "problem";
  readonly detail: string;
  /** What to do; empty when it is ok. */
  readonly fix: string;
}

/** One thing in the state that is not as it should be, in the words of docs/operations/doctor.md. */
export interface StateFinding {
  readonly check: string;
  readonly severity: string;
  readonly guarantee: string;
  readonly dagRunId: string;
  readonly subject: string;
  readonly count: number;
  readonly detail: string;
  readonly outcome: string;
  readonly advice: string;
}

export interface StateDiagnosis {
  readonly checkedRuns: number;
  readonly checkedFiles: number;
  /** There are files of artifacts that were not looked at. */
  readonly hasMoreFiles: boolean;
  /** Of all pages; `findings` may have fewer. */
  readonly findingCount: number;
  readonly findings: readonly StateFinding[];
}

export interface Diagnosis {
  readonly checks: readonly Check[];
  /** Null: nobody could look at it. */
  readonly state: StateDiagnosis | null;
}

/** A check or a finding that somebody must see to. */
export function hasProblem({ checks, state }: Diagnosis): boolean {
  const isOpen = ({ severity, outcome }: StateFinding): boolean => severity === "problem" && outcome !== "repaired";
  return checks.some(({ status }) => status === "problem") || (state?.findings.some(isOpen) ?? false);
}

export function toJson(diagnosis: Diagnosis): unknown {
  const { checks, state } = diagnosis;
  return {
    status: hasProblem(diagnosis) ? "problem" : "ok",
    checks,
    checked_runs: state?.checkedRuns ?? null,
    checked_files: state?.checkedFiles ?? null,
    has_more_files: state?.hasMoreFiles ?? null,
    finding_count: state?.findingCount ?? null,
    findings: state?.findings.map(({ dagRunId, ...finding }) => ({ ...finding, dag_run_id: dagRunId })) ?? [],
  };
}
