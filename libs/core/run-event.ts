import type { RunParameters } from "./decision.ts";
import type { Plan } from "./plan.ts";

/** Who asks for a repair, and why: kept in the events that it publishes. */
export interface RepairAuthor {
  readonly by: string;
  readonly note: string;
}

/** What a rerun changes of the run beside its states. */
export interface RerunTarget {
  /** The run's revision that this was made for; it is refused on another. */
  readonly revision: number;
  /** Null: the run keeps its version. */
  readonly version: { readonly versionKey: number; readonly version: number; readonly plan: Plan } | null;
  /** Resolved and checked for the version. Null: they stay. */
  readonly parameters: RunParameters | null;
}

/** What can happen to a run. `fence` is the one under which the sender holds the attempt. */
export type RunEvent =
  /** A worker takes a queued instance. */
  | {
      readonly kind: "claim";
      readonly ordinal: number;
      readonly generation: number;
      readonly tryNumber: number;
      readonly workerKey: number;
    }
  /** The holder reports what its attempt came to; its process tree is gone. */
  | {
      readonly kind: "outcome";
      readonly ordinal: number;
      readonly fence: number;
      readonly outcome: AttemptOutcome;
      /** Absent: nobody measured. */
      readonly usage?: AttemptUsage;
    }
  /** The tree of an attempt that was ended from outside is gone. */
  | { readonly kind: "released"; readonly ordinal: number; readonly fence: number }
  /** Its worker is lost (or gave it up): the old process is dead by its own deadline. `free`: costs no allowance. */
  | { readonly kind: "lost"; readonly ordinal: number; readonly fence: number; readonly free: boolean }
  /** A retry's delay is over by the database clock. */
  | { readonly kind: "retry_due"; readonly ordinal: number; readonly fence: number }
  /** A timeout other than the attempt's own passed by the database clock. */
  | {
      readonly kind: "instance_timeout";
      readonly ordinal: number;
      readonly fence: number;
      readonly which: "queue_timeout" | "retry_timeout";
    }
  | { readonly kind: "run_timeout" }
  /** The run has not ended by its deadline. */
  | { readonly kind: "deadline" }
  /** A task that needs no worker begins to wait for something. `dueAt`: when to look at it; null: not before an answer. */
  | {
      readonly kind: "wait_begun";
      readonly ordinal: number;
      readonly fence: number;
      readonly waitsFor: string;
      readonly dueAt: number | null;
    }
  /** What an instance waits for has come, or is looked for again later (`deferred`, whose `waitsFor` stays). */
  | { readonly kind: "answered"; readonly ordinal: number; readonly fence: number; readonly outcome: AttemptOutcome }
  /** `when`, `for_each` and `pool` of a ready task were looked at. */
  | {
      readonly kind: "evaluated";
      readonly ordinal: number;
      readonly generation: number;
      readonly result: EvaluationResult;
    }
  /** What is ready is handed on to free slots. */
  | { readonly kind: "offer" }
  /** There may be room for a run that waits for it. */
  | { readonly kind: "admit" }
  | { readonly kind: "cancel"; readonly reason: string }
  | { readonly kind: "pause"; readonly isPaused: boolean }
  /** By hand: between terminal states the children's counts are swapped. */
  | {
      readonly kind: "mark";
      readonly ordinals: readonly number[];
      readonly state: "success" | "failed" | "skipped";
      /** The descendants begin a new generation in the same step. */
      readonly includeDownstream: boolean;
      /** The run's revision that this was made for; absent: it holds for any. */
      readonly revision?: number;
      readonly author: RepairAuthor;
    }
  /** These, and with `includeDownstream` their descendants, begin a new generation. */
  | {
      readonly kind: "clear";
      readonly ordinals: readonly number[];
      readonly includeDownstream: boolean;
      /** As with a mark. */
      readonly revision?: number;
      readonly author: RepairAuthor;
    }
  /** What is chosen and everything below it begins a new generation, by another version or parameters where asked. */
  | {
      readonly kind: "rerun";
      /** `failed`: what failed or was cut short; or ids of tasks of the version that the run then has. */
      readonly from: "failed" | "all" | readonly string[];
      readonly target: RerunTarget | null;
      readonly author: RepairAuthor;
    };

export type EvaluationResult =
  | { readonly kind: "run" }
  | { readonly kind: "skip" }
  | { readonly kind: "fail"; readonly errorCode: string; readonly errorMessage: string }
  | { readonly kind: "fan_out"; readonly items: readonly { readonly key: string }[] };

export type AttemptOutcome =
  | { readonly kind: "success"; readonly outputs: readonly { readonly key: string; readonly json: string }[] }
  | { readonly kind: "skipped" }
  | {
      readonly kind: "failed";
      readonly failure: AttemptFailure;
      readonly outputs: readonly { readonly key: string; readonly json: string }[];
    }
  | { readonly kind: "deferred"; readonly dueAt: number | null; readonly waitsFor: string | null };

/** What an attempt used; null: not known. */
export interface AttemptUsage {
  readonly cpuMs: number | null;
  readonly memoryPeakBytes: number | null;
}

/** Why an attempt failed; what the retry decision is made from. */
export interface AttemptFailure {
  /** `exit_code`, `timeout`, `killed`, `out_of_memory`, `interrupted`, `not_found`, `permission_denied`, `syntax`, `configuration`, `connection`, … */
  readonly code: string;
  readonly message: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The operator's own word; null: the policy decides. */
  readonly retryable: boolean | null;
  /** What the other side asked for, e.g. by Retry-After. */
  readonly retryAfterMs: number | null;
  /** 0…1, drawn by the caller: the core has no randomness. */
  readonly random: number;
}
