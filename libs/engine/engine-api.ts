import type { EdgeCondition } from "#core/graph.ts";
import type { TriggerRule } from "#core/trigger-rule.ts";

/** What the first failure does: end the execution, or taint what depends on it and let the rest go on. */
export type ErrorStrategy = "fail-fast" | "continue";

export type TaskStatus = "PENDING" | "SUCCESS" | "FAILED" | "SKIPPED";

export interface EngineOptions {
  /** Default `fail-fast`. */
  readonly errorStrategy?: ErrorStrategy;
  /** Bounds a whole execution, in milliseconds; default none. */
  readonly globalTimeoutMs?: number;
  /** For tasks that have none of their own, in milliseconds; default none. */
  readonly defaultTaskTimeoutMs?: number;
  /** Handlers at work at once in one execution; default `Infinity`. */
  readonly concurrency?: number;
  /** Default: silent. */
  readonly logger?: EngineLogger;
  /** Told of everything synchronously; what it throws is ignored. */
  readonly observer?: (event: EngineEvent) => void;
  /** Makes the store of each execution; default in memory. */
  readonly createStore?: (executionId: string) => DataStore;
}

export interface EngineLogger {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** A logger that adds these fields to every line. */
  with(fields: Readonly<Record<string, unknown>>): EngineLogger;
}

/** Results by task id; one writer per key. Synchronous, so that a result is there before any dependent starts. */
export interface DataStore {
  has(taskId: string): boolean;
  /** Undefined when absent, and when the stored value is undefined: `has` tells the two apart. */
  get(taskId: string): unknown;
  set(taskId: string, value: unknown): void;
  entries(): Iterable<readonly [string, unknown]>;
}

export type Dependency = string | { readonly task: string; readonly on?: EdgeCondition };

export interface RetryPolicy {
  /** After the first try. */
  readonly maxRetries: number;
  /** Before the first retry, in milliseconds; default 0. */
  readonly delayMs?: number;
  /** Default 2. */
  readonly backoffMultiplier?: number;
  /** Default 300,000. */
  readonly maxDelayMs?: number;
  /** Share of the delay that is drawn at random, 0…1; default 0. */
  readonly jitter?: number;
  /** False: this error is final. Default: every error but an abort retries. */
  readonly retryIf?: (error: unknown) => boolean;
}

export interface TaskDefinition {
  readonly id: string;
  readonly dependsOn?: readonly Dependency[];
  /** What it returns, unless undefined, is its result, as if given to `setResult`. */
  readonly handler: (context: TaskContext) => unknown;
  /** One try, in milliseconds. */
  readonly timeoutMs?: number;
  /** Default `all_success`. Under `fail-fast` nothing starts after the first failure, whatever the rule. */
  readonly triggerRule?: TriggerRule;
  /** False: the task is skipped without a call of its handler. Looked at when its dependencies have ended. */
  readonly when?: (context: TaskContext) => boolean | Promise<boolean>;
  readonly retry?: RetryPolicy;
  /** Its failure neither aborts a fail-fast execution nor makes the execution unsuccessful. */
  readonly allowFailure?: boolean;
  /** Run inside the engine's own, around this handler only. */
  readonly middlewares?: readonly TaskMiddleware[];
}

export type TaskMiddleware = (context: TaskContext) => unknown;

/** What one try of one task sees; never shared. It may be taken apart: its functions need no `this`. */
export interface TaskContext {
  readonly taskId: string;
  readonly executionId: string;
  /** When the try began, milliseconds since 1970. */
  readonly startTime: number;
  /** From 1. */
  readonly tryNumber: number;
  /** Aborted by the execution's end, by the task's timeout, and by the execution's timeout; `reason` says which. */
  readonly signal: AbortSignal;
  readonly store: DataStore;
  readonly logger: EngineLogger;
  /** Calls the next middleware or, from the last, the handler. Once per middleware. Below it `signal` is the given one. */
  readonly next: (options?: { readonly signal?: AbortSignal }) => Promise<void>;
  /** Seen by this task at once, by others when it has succeeded. */
  readonly setResult: (value: unknown) => void;
  /** Undefined when there is none; `hasResult` tells that from a result that is undefined. */
  readonly getResult: <T = unknown>(taskId: string) => T | undefined;
  readonly hasResult: (taskId: string) => boolean;
  /** Adds tasks to this execution alone, which may depend on any task that has not failed, and on this one by default. */
  readonly register: (task: TaskDefinition) => void;
}

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

/** `at` is milliseconds since 1970. */
export type EngineEvent =
  | {
      readonly kind: "execution_started";
      readonly executionId: string;
      readonly at: number;
      readonly taskCount: number;
    }
  | {
      readonly kind: "task_started";
      readonly executionId: string;
      readonly at: number;
      readonly taskId: string;
      readonly tryNumber: number;
    }
  | {
      readonly kind: "task_retried";
      readonly executionId: string;
      readonly at: number;
      readonly taskId: string;
      readonly tryNumber: number;
      readonly error: unknown;
      readonly delayMs: number;
    }
  | { readonly kind: "task_ended"; readonly executionId: string; readonly at: number; readonly report: TaskReport }
  | { readonly kind: "execution_ended"; readonly executionId: string; readonly at: number; readonly success: boolean };
