import { type FailpointName, failpointNames } from "#failpoints/failpoint.ts";

/** What happens at a failpoint: `kill` is SIGKILL, `pause` blocks the whole process, `error` is thrown from the place. */
export type FailpointAction =
  | { readonly kind: "kill" }
  | { readonly kind: "error" }
  | { readonly kind: "pause"; readonly ms: number };

export interface PlannedFailure {
  readonly name: FailpointName;
  readonly action: FailpointAction;
  /** At which hit of the process, from 1. */
  readonly hit: number;
}

/** Variables of a process that `arm-failpoints.ts` is loaded into. */
export const planVariable = "MILLRACE_TEST_FAILPOINTS";
/** A file to which each hit is appended, as a line with the failpoint's name. */
export const hitsVariable = "MILLRACE_TEST_FAILPOINT_HITS";

const planPattern = /^(?<name>[a-z_.]+)=(?<kind>kill|error|pause):?(?<ms>\d*)@(?<hit>[1-9]\d*)$/;

/** `run_change.after=kill@3,assignment.before=pause:500@1` */
export function parsePlan(text: string): readonly PlannedFailure[] {
  return text
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const found = planPattern.exec(entry)?.groups;
      const name = failpointNames.find((known) => known === found?.["name"]);
      if (found === undefined || name === undefined)
        throw new Error(`${entry} is no planned failure: write name=kill@1, =error@1 or =pause:500@1`);
      return { name, action: toAction(found["kind"] ?? "", Number(found["ms"])), hit: Number(found["hit"]) };
    });
}

export function formatPlan(plan: readonly PlannedFailure[]): string {
  return plan
    .map(({ name, action, hit }) => `${name}=${action.kind}${action.kind === "pause" ? `:${action.ms}` : ""}@${hit}`)
    .join(",");
}

function toAction(kind: string, ms: number): FailpointAction {
  if (kind === "pause") return { kind, ms };
  return { kind: kind === "error" ? "error" : "kill" };
}
