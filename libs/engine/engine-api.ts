import type { EngineEvent } from "./engine-event.ts";

/** What the first failure does: end the execution, or taint what depends on it and let the rest go on. */
export type ErrorStrategy = "fail-fast" | "continue";

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
