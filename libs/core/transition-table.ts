import { isTerminal, type TaskState, taskStates } from "./states.ts";

/** What moves an instance. Each cause may do exactly what the table says. */
export type TransitionCause =
  | "rule" // its parents' ends decide
  | "evaluation" // `when`, `for_each` or `pool` was looked at
  | "group" // the items of a fan-out decide for their group
  | "claim"
  | "outcome"
  | "lost"
  | "retry_due"
  | "timeout"
  | "cancel"
  | "mark"
  | "clear"
  | "note"; // counts, stamps and releases: the state stays

type Table = Readonly<Record<TransitionCause, Readonly<Partial<Record<TaskState, readonly TaskState[]>>>>>;

const active: readonly TaskState[] = taskStates.filter((state) => !isTerminal(state));

function fromEach(
  from: readonly TaskState[],
  to: readonly TaskState[],
): Partial<Record<TaskState, readonly TaskState[]>> {
  return Object.fromEntries(from.map((state) => [state, to]));
}

/** The whole state chart of a task instance. Anything that is not in it is a bug. */
export const legalTransitions: Table = {
  rule: { none: ["queued", "upstream_failed", "skipped"] },
  evaluation: { none: ["queued", "skipped", "failed", "success"] },
  group: { queued: ["running", "success", "failed"], running: ["success", "failed"] },
  claim: { queued: ["running"] },
  outcome: { running: ["success", "failed", "up_for_retry", "queued", "skipped"] },
  lost: { running: ["up_for_retry", "failed"] },
  retry_due: { up_for_retry: ["queued"] },
  timeout: { ...fromEach(active, ["failed", "skipped"]), running: ["failed"] },
  cancel: fromEach(active, ["skipped"]),
  mark: fromEach(taskStates, ["success", "failed", "skipped"]),
  clear: fromEach(taskStates, ["none", "removed"]),
  note: Object.fromEntries(taskStates.map((state) => [state, [state]])),
};

export function isLegalTransition(cause: TransitionCause, from: TaskState, to: TaskState): boolean {
  return legalTransitions[cause][from]?.includes(to) ?? false;
}
