/** What took too long: one try of a task, a whole execution, or what is below a timeout middleware. */
export type TimeoutScope = "task" | "execution" | "middleware";

/** The reason of a signal, and the error of a report, when time was up. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
  readonly scope: TimeoutScope;
  readonly timeoutMs: number;

  constructor(scope: TimeoutScope, timeoutMs: number, message: string) {
    super(message);
    this.scope = scope;
    this.timeoutMs = timeoutMs;
  }
}
