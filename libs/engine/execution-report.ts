import type { DataStore } from "./engine-api.ts";

export type TaskStatus = "PENDING" | "SUCCESS" | "FAILED" | "SKIPPED";

export interface TaskReport {
  readonly taskId: string;
  readonly status: TaskStatus;
  /** Why it failed, or was skipped; null otherwise. */
  readonly error: unknown;
  /** Milliseconds since 1970; null when it never started. */
  readonly startTime: number | null;
  readonly endTime: number | null;
  readonly durationMs: number | null;
  readonly tries: number;
}

export interface ExecutionResult {
  readonly executionId: string;
  /** Every task succeeded (failures that are allowed are no matter). */
  readonly success: boolean;
  /** The first failure, or why the execution was aborted; null on success. */
  readonly error: unknown;
  readonly reports: ReadonlyMap<string, TaskReport>;
  readonly store: DataStore;
  readonly startTime: number;
  readonly endTime: number;
  readonly durationMs: number;
  readonly getResult: <T = unknown>(taskId: string) => T | undefined;
  readonly hasResult: (taskId: string) => boolean;
}
