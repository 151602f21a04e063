import { describeThrown } from "#middleware/describe-thrown.ts";
import type { ExecutionResult, TaskReport, TaskStatus } from "./execution-report.ts";

/** An error as JSON. */
export interface TracedError {
  readonly name: string;
  readonly message: string;
}

/** What happened in an execution, as plain JSON. Times as in the reports. */
export interface ExecutionTrace {
  readonly executionId: string;
  readonly success: boolean;
  readonly error: TracedError | null;
  readonly startTime: number;
  readonly endTime: number;
  readonly durationMs: number;
  readonly tasks: readonly TracedTask[];
}

export interface TracedTask {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly error: TracedError | null;
  readonly startTime: number | null;
  readonly endTime: number | null;
  readonly durationMs: number | null;
  readonly tries: number;
}

export function executionTrace(result: ExecutionResult): ExecutionTrace {
  const { executionId, success, error, startTime, endTime, durationMs, reports } = result;
  return {
    executionId,
    success,
    error: success ? null : traceError(error),
    startTime,
    endTime,
    durationMs,
    tasks: Array.from(reports.values(), traceTask),
  };
}

function traceTask(report: TaskReport): TracedTask {
  const hasError = report.status === "FAILED" || report.status === "SKIPPED";
  return { ...report, error: hasError ? traceError(report.error) : null };
}

function traceError(thrown: unknown): TracedError {
  return thrown instanceof Error
    ? { name: thrown.name, message: thrown.message }
    : { name: typeof thrown, message: describeThrown(thrown) };
}
