/** Fields of a log line, shown behind its message as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes to the log of the attempt, where `millrace logs` and the page show it. Secrets are masked. */
export interface TaskLogger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What code of one's own gets to know of the attempt that it runs. All values are rendered. */
export interface TaskContext {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  /** Counts from 1, anew in each rerun. */
  readonly tryNumber: number;
  readonly maxTries: number;
  /** The time that the run stands for, RFC 3339. */
  readonly logicalDate: string;
  /** The same for an attempt that is delivered twice, another one for each try: for those who act on requests once. */
  readonly idempotencyKey: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /**
   * Aborted at timeout, cancel, drain and loss of the worker's lease. What goes on beyond the grace period is not waited
   * for, and can't be killed: pass the signal on to whatever takes one.
   */
  readonly signal: AbortSignal;
  readonly logger: TaskLogger;
}

/** What the handler of a `function` task gets. */
export interface FunctionContext extends TaskContext {
  /** `operator.arguments` of the task. */
  readonly arguments: Readonly<Record<string, unknown>>;
}

/**
 * Runs one attempt. What it returns, if anything, is the task's output `return_value`: at most 1 MiB of JSON. What it
 * throws fails the attempt; an error with `retryable: false` is not tried again, one with `retryAfterMs` not before,
 * and one with the name `SkipTask` skips the task.
 */
export type FunctionHandler = (context: FunctionContext) => unknown;
