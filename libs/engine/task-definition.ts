import type { EdgeCondition } from "#core/graph.ts";
import type { TriggerRule } from "#core/trigger-rule.ts";
import type { DataStore, EngineLogger } from "./engine-api.ts";

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
