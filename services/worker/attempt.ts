import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { AttemptLimits, AttemptUsage } from "#runner/attempt-limits.ts";
import type { NetworkReach } from "#runner/enclosure/enclosure.ts";
import type { LogPiece, Output } from "#runner/runner-protocol.ts";

/** Names one attempt. */
export interface AttemptRef {
  readonly dagRunId: string;
  readonly taskId: string;
  /** Null: not an item of a fan-out. */
  readonly mapIndex: number | null;
  readonly generation: number;
  readonly tryNumber: number;
  readonly fence: bigint;
}

/** What a worker and an executor know an attempt by: a claim raises the fence, so no two attempts share one. */
export function keyOf(ref: AttemptRef): string {
  return `${instanceOf(ref)} ${ref.fence}`;
}

/** The instance that it is an attempt of. */
export function instanceOf(ref: Pick<AttemptRef, "dagRunId" | "taskId" | "mapIndex">): string {
  return `${ref.dagRunId} ${ref.taskId} ${ref.mapIndex ?? ""}`;
}

type JsonFields = Readonly<Record<string, unknown>>;

/** An attempt to run, with all that it needs. */
export interface Assignment {
  readonly ref: AttemptRef;
  readonly dagId: string;
  readonly operatorType: string;
  readonly operator: JsonFields;
  readonly environment: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
  readonly parameters: JsonFields;
  /** The names of the secrets that it needs, by the markers that stand for them. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Null: no limit. */
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  /** RFC 3339. */
  readonly logicalDate: string;
  readonly dagDirectory: string;
  readonly traceparent: string;
  readonly idempotencyKey: string;
  readonly maxTries: number;
  readonly captureStdout: boolean;
  readonly logMaxBytes: number;
  /** Absent: nothing surrounds its processes. */
  readonly enclosure?: AssignedEnclosure;
  /** Absent: its processes may use what the host has. */
  readonly limits?: AttemptLimits;
  /** What it takes of the worker. */
  readonly requests: ResourceAmounts;
}

/** What is to surround the processes of an attempt. */
export interface AssignedEnclosure {
  readonly isolation: "process" | "container";
  /** Empty where the operator has it. */
  readonly image: string;
  readonly network: NetworkReach;
  readonly filesystem: "open" | "confined";
  readonly allowPaths: readonly string[];
}

/** What an attempt came to, as it is reported. */
export type AttemptReport = {
  readonly durationMs: number;
  /** Number of chunks of its log. */
  readonly logChunks: number;
  /** The only one of them, where it goes with this report; absent: they go by themselves. */
  readonly log?: Pick<LogPiece, "entries" | "droppedBytes">;
  /** Of a failed attempt only what the task asked to keep is kept, by the executor. */
  readonly outputs: readonly Output[];
  /** Absent: nobody measured. */
  readonly usage?: AttemptUsage;
} & (
  | { readonly kind: "success"; readonly exitCode: number | null }
  | { readonly kind: "skipped" }
  | { readonly kind: "deferred"; readonly dueAt: number | null; readonly waitsFor: string | null }
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly retryable: boolean | null;
      readonly retryAfterMs: number | null;
    }
);

/** A failure that the worker itself finds, without any process. */
export function failureReport(code: string, message: string, retryable: boolean | null = null): AttemptReport {
  return {
    kind: "failed",
    code,
    message,
    exitCode: null,
    signal: null,
    retryable,
    retryAfterMs: null,
    durationMs: 0,
    logChunks: 0,
    outputs: [],
  };
}

/** The worker drained before the attempt ended: tried again elsewhere, at no cost. */
export function interruptedReport(): AttemptReport {
  return failureReport("interrupted", "the worker was drained; the attempt is run again elsewhere");
}
