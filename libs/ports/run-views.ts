import type { ParentCounts } from "#core/run-model.ts";
import type { RunState, TaskState } from "#core/states.ts";
import type { RunType } from "./new-run.ts";

export interface RunView {
  readonly runKey: number;
  readonly runId: string;
  readonly dagId: string;
  readonly version: number;
  readonly state: RunState;
  readonly isPaused: boolean;
  readonly isOrphaned: boolean;
  readonly isArchived: boolean;
  readonly logicalAt: number;
  readonly intervalStartAt: number;
  readonly intervalEndAt: number;
  readonly queuedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly runType: RunType;
  readonly triggeredBy: string;
  readonly externalTriggerId: string;
  readonly traceparent: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly note: string;
  readonly warnings: readonly string[];
  readonly counts: Readonly<Partial<Record<TaskState, number>>>;
}

export interface InstanceView {
  readonly runKey: number;
  readonly ordinal: number;
  readonly runId: string;
  readonly dagId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly itemKey: string | null;
  readonly state: TaskState;
  readonly reason: string | null;
  readonly generation: number;
  readonly tryNumber: number;
  readonly maxRetries: number;
  readonly infraTries: number;
  readonly operatorType: string;
  readonly queue: string;
  readonly workerId: string | null;
  readonly hostname: string | null;
  readonly parents: ParentCounts;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly dueAt: number | null;
  readonly exitCode: number | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly lastError: string | null;
  /** What the last attempt used; null: not known. */
  readonly cpuMs: number | null;
  readonly memoryPeakBytes: number | null;
}

export interface AttemptView {
  readonly tryNumber: number;
  readonly generation: number;
  readonly state: string;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly workerId: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly errorMessage: string | null;
  readonly retryReason: string | null;
  readonly nextRetryAt: number | null;
  readonly backoffDelayMs: number | null;
  readonly cpuMs: number | null;
  readonly memoryPeakBytes: number | null;
}

/** What a list shows of an output, however large it is. */
export interface OutputBeginning {
  readonly key: string;
  /** The first characters of its JSON. */
  readonly beginning: string;
  /** Of all its JSON, in UTF-8. */
  readonly sizeBytes: number;
}

export interface OutputView {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly key: string;
  readonly json: string;
  readonly at: number;
}
