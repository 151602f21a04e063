/**
 * What can be wrong with the use of the engine, and what the engine itself says of a task. docs/errors.md lists the
 * same codes; a test compares them.
 */
export type EngineErrorCode =
  | "INVALID_OPTIONS"
  | "INVALID_TASK"
  | "DUPLICATE_TASK"
  | "INVALID_GRAPH"
  | "TASK_OVER"
  | "STORE_FAILED"
  | "RULE_NOT_MET"
  | "WHEN_FALSE"
  | "EVENTS_LOST";

/** What to do about each. */
export const engineErrorAdvice: Readonly<Record<EngineErrorCode, string>> = {
  INVALID_OPTIONS: "Correct the named options of the engine or the execution.",
  INVALID_TASK: "Correct the listed fields of the task; nothing of it was stored.",
  DUPLICATE_TASK: "Give the second task another id; the first one is kept.",
  INVALID_GRAPH: "Correct the listed problems; `problems` has each with its code and task.",
  TASK_OVER: "Register tasks before the handler ends, and on the context of the running try.",
  STORE_FAILED: "Look at the error's cause: the store refused a call.",
  RULE_NOT_MET: "Look at the named dependencies, or give the task another `triggerRule`.",
  WHEN_FALSE: "Nothing is wrong: the task's `when` said no.",
  EVENTS_LOST: "Read events() faster, or use the `observer` option, which loses nothing.",
};

/** One thing that is wrong with a graph. */
export interface GraphProblem {
  readonly code: "UNKNOWN_TASK" | "SELF_DEPENDENCY" | "DUPLICATE_EDGE" | "CYCLE" | "RULE_NEEDS_PARENTS";
  /** The id of the task to correct. */
  readonly task: string;
  readonly message: string;
}

/** Every error that the engine itself makes, except timeouts and skips. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  /** Filled for `INVALID_GRAPH`. */
  readonly problems: readonly GraphProblem[];

  constructor(
    code: EngineErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly problems?: readonly GraphProblem[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** Thrown by a handler or middleware: the task ends SKIPPED, which is no failure. Its children follow their rules. */
export class SkipTask extends Error {
  override readonly name = "SkipTask";
}
