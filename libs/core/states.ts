/**
 * The states of a task instance. What each means, and what does not happen in it:
 * - `none` waits for its parents; nothing of it runs and it holds no slot.
 * - `queued` its rule holds; it waits for a worker, a due time or an answer, and holds no slot.
 * - `running` one worker holds the attempt of the current fence; nobody else may write it.
 * - `up_for_retry` the last attempt failed and another is due at `dueAt`; it holds no slot.
 * - `success`, `failed`, `upstream_failed`, `skipped`, `removed` are terminal: only a mark or a rerun leaves them.
 */
export type TaskState = "none" | "queued" | "running" | "up_for_retry" | TerminalState;

/** `upstream_failed`: its operator was never called because a failure broke its rule. `removed`: gone from the version of a rerun. */
export type TerminalState = "success" | "failed" | "upstream_failed" | "skipped" | "removed";

/** How a parent's end counts for its children. */
export type EndKind = "success" | "failed" | "upstream_failed" | "skipped";

/** Always derived from the instances and the cancel flag, never set on its own. */
export type RunState = "queued" | "running" | "success" | "failed" | "up_for_retry" | "cancelled";

export const taskStates: readonly TaskState[] = [
  "none",
  "queued",
  "running",
  "up_for_retry",
  "success",
  "failed",
  "upstream_failed",
  "skipped",
  "removed",
];

export const runStates: readonly RunState[] = ["queued", "running", "success", "failed", "up_for_retry", "cancelled"];

export function isTerminal(state: TaskState): state is TerminalState {
  return state !== "none" && state !== "queued" && state !== "running" && state !== "up_for_retry";
}
