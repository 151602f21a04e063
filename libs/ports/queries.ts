import type { ParentCounts } from "#core/run-model.ts";
import type { RunState, TaskState } from "#core/states.ts";
import type { StoredProblem } from "./definition-store.ts";
import type { RunType } from "./run-store.ts";

/** A page request: `cursor` is opaque and from the page before; `limit` 1…100 (the gateway has checked it). */
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
  /** A field name, `-` before it for descending; null for the list's own order. Ties go by key. */
  readonly sort: string | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly totalCount: number;
}

export interface DagView {
  readonly dagKey: number;
  readonly dagId: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly scheduleText: string;
  readonly timezone: string;
  readonly isActive: boolean;
  readonly isPaused: boolean;
  readonly version: number;
  readonly filePath: string | null;
  readonly fileHash: string;
  readonly registeredAt: number;
  readonly nextAt: number | null;
  readonly definition: unknown;
  readonly lastRun: {
    readonly runId: string;
    readonly logicalAt: number;
    readonly state: RunState;
    readonly durationMs: number | null;
  } | null;
  /** The import error of its file, when the newest content is broken. */
  readonly problems: readonly StoredProblem[];
}

export interface ImportErrorView {
  readonly filePath: string;
  readonly since: number;
  readonly problems: readonly StoredProblem[];
}

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
}

export interface OutputView {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly key: string;
  readonly json: string;
  readonly at: number;
}

/** Reads for people: never the base of a decision. */
export interface Queries {
  listDags(page: PageRequest, filter: { isActive: boolean | null; text: string | null }): Promise<Page<DagView>>;
  getDag(dagId: string): Promise<DagView | null>;
  listImportErrors(page: PageRequest): Promise<Page<ImportErrorView>>;
  listRuns(page: PageRequest, filter: { dagId: string | null; states: readonly RunState[] }): Promise<Page<RunView>>;
  getRun(runId: string): Promise<RunView | null>;
  latestRunId(dagId: string): Promise<string | null>;
  listInstances(
    page: PageRequest,
    filter: { runId: string | null; dagId: string | null; states: readonly TaskState[] },
  ): Promise<Page<InstanceView>>;
  getInstance(instanceId: string): Promise<InstanceView | null>;
  listAttempts(runKey: number, ordinal: number): Promise<readonly AttemptView[]>;
  listOutputs(runId: string, taskId: string | null): Promise<readonly OutputView[]>;
  listWorkers(): Promise<
    readonly {
      workerId: string;
      status: string;
      hostname: string;
      slots: number;
      freeSlots: number;
      lastBeatAt: number;
    }[]
  >;
  ping(): Promise<void>;
}
