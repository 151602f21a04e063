import type { AttemptUsage } from "./run-event.ts";

/** Names one attempt of a run. */
export interface AttemptKey {
  readonly ordinal: number;
  readonly generation: number;
  readonly tryNumber: number;
}

export interface AttemptOpened extends AttemptKey {
  readonly kind: "opened";
  readonly fence: number;
  /** Null: it needed no worker, and settles in the step that opens it. */
  readonly workerKey: number | null;
  readonly startedAt: number;
}

/** How an attempt ended. `state` is what it came to, not what the instance is now. */
export interface AttemptClosed extends AttemptKey {
  readonly kind: "closed";
  readonly state: "success" | "failed" | "skipped" | "deferred" | "lost" | "stopped" | "superseded";
  readonly endedAt: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** A code: `retriable_exit_code`, `max_retries_exceeded`, `worker_lost`, … null after a success. */
  readonly retryReason: string | null;
  readonly nextRetryAt: number | null;
  readonly backoffDelayMs: number | null;
  /** Absent: nobody measured. */
  readonly usage?: AttemptUsage;
}

/** The process tree of the attempt is gone and its slots are free. */
export interface AttemptReleased {
  readonly kind: "released";
  readonly ordinal: number;
  /** The fence of its claim; the instance may have begun another generation since. */
  readonly fence: number;
  readonly releasedAt: number;
}

export type AttemptChange = AttemptOpened | AttemptClosed | AttemptReleased;
