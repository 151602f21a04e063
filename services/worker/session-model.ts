import type { StopReason } from "#operators/operator.ts";
import type { Assignment, AttemptRef, AttemptReport } from "./attempt.ts";

/** An attempt in the worker's hands, from its assignment until nobody needs to hear of it. */
export type Held = { readonly ref: AttemptRef } /** Its instance's older attempt, `behind`, is still dying (G4). */ & (
  | { readonly stage: "waiting"; readonly assignment: Assignment; readonly behind: string }
  | { readonly stage: "running"; readonly graceMs: number }
  /** Told to end; `ending` says what follows when its tree is gone. */
  | { readonly stage: "stopping"; readonly ending: "release" | "report" | "abandon" }
  /** Ended; its outcome is not acknowledged. */
  | { readonly stage: "settled"; readonly report: AttemptReport; readonly deliveries: number }
  /** Its tree is gone, and the executor could not be told yet. */
  | { readonly stage: "gone" }
);

/** The way to the executors. */
export type Link =
  | { readonly kind: "idle"; readonly retryAt: number }
  | { readonly kind: "greeting"; readonly connection: number; readonly sentAt: number }
  | {
      readonly kind: "ready";
      readonly connection: number;
      readonly intervalMs: number;
      readonly nextBeatAt: number;
      /** The number of the last beat. */
      readonly sequence: number;
      /** When the last beat was sent; null once it is answered. */
      readonly unansweredSince: number | null;
    }
  /** The worker has nothing left to do. */
  | { readonly kind: "over" };

export interface Draining {
  readonly reason: string;
  /** What still runs then is stopped as interrupted. */
  readonly deadline: number;
  /** The worker ends then, whatever is left. */
  readonly giveUpAt: number;
  /**
   * The first beat after the notice of this session; null until it is sent. Assignments that crossed the notice come
   * before its answer.
   */
  readonly firstBeat: number | null;
}

/** All that a worker's session knows. Times are milliseconds of a monotonic clock. */
export interface SessionState {
  readonly executorCount: number;
  readonly slots: number;
  readonly drainTimeoutMs: number;
  readonly incarnation: Incarnation;
  readonly link: Link;
  /** Which of the executors is tried, or talked to. */
  readonly executor: number;
  /** The number of the last connection. */
  readonly connection: number;
  /** Connections in a row that brought no welcome. */
  readonly failures: number;
  readonly held: ReadonlyMap<string, Held>;
  /** Length of the last lease; null before the first welcome. */
  readonly leaseMs: number | null;
  /** Everything is killed then unless a beat is answered before (G4). */
  readonly leaseUntil: number | null;
  readonly draining: Draining | null;
}

export interface Incarnation {
  /** Ids of this start: `start.1`, then one more after each lost lease. */
  readonly start: string;
  readonly number: number;
  readonly previous: string;
  readonly wasWelcomed: boolean;
}

export type Verdict = "keep" | "kill" | "settled";

export type SessionEvent =
  | {
      readonly kind: "welcome";
      readonly connection: number;
      readonly leaseMs: number;
      readonly intervalMs: number;
      readonly verdicts: ReadonlyMap<string, Verdict>;
    }
  | {
      readonly kind: "beat_answered";
      readonly connection: number;
      readonly sequence: number;
      readonly leaseMs: number | null;
    }
  | { readonly kind: "assigned"; readonly connection: number; readonly assignment: Assignment }
  | {
      readonly kind: "outcome_acknowledged";
      readonly connection: number;
      readonly key: string;
      readonly accepted: boolean;
      readonly reason: string;
      readonly next: Assignment | null;
    }
  | { readonly kind: "stop_ordered"; readonly ref: AttemptRef; readonly reason: string; readonly graceMs: number }
  | {
      readonly kind: "drain_ordered";
      readonly connection: number;
      readonly reason: string;
      readonly goElsewhere: boolean;
    }
  /** `random` is 0…1: it spreads the time of the next try. */
  | {
      readonly kind: "closed";
      readonly connection: number;
      readonly isRefused: boolean;
      readonly problem: string;
      readonly random: number;
    }
  /** Its process tree is gone. */
  | { readonly kind: "finished"; readonly key: string; readonly report: AttemptReport }
  | { readonly kind: "shutdown"; readonly reason: string }
  | { readonly kind: "tick" };

export type SessionEffect =
  | {
      readonly kind: "connect";
      readonly connection: number;
      readonly executor: number;
      readonly incarnation: string;
      readonly previous: string;
      readonly held: readonly AttemptRef[];
    }
  | { readonly kind: "disconnect"; readonly connection: number }
  | {
      readonly kind: "send_beat";
      readonly sequence: number;
      readonly held: readonly AttemptRef[];
      readonly freeSlots: number;
    }
  | { readonly kind: "send_outcome"; readonly ref: AttemptRef; readonly report: AttemptReport }
  | { readonly kind: "send_released"; readonly ref: AttemptRef }
  | { readonly kind: "send_drain_notice"; readonly reason: string }
  | { readonly kind: "send_unacknowledged_logs" }
  | { readonly kind: "run"; readonly assignment: Assignment }
  | { readonly kind: "stop"; readonly key: string; readonly reason: StopReason; readonly graceMs: number }
  /** Keeps an outcome until `forget`. */
  | { readonly kind: "keep"; readonly ref: AttemptRef; readonly report: AttemptReport }
  | { readonly kind: "forget"; readonly key: string }
  | { readonly kind: "extend_lease"; readonly until: number }
  | { readonly kind: "record_incarnation"; readonly incarnation: string }
  | {
      readonly kind: "note";
      readonly level: "info" | "warn";
      readonly text: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

export function incarnationId({ start, number }: Incarnation): string {
  return `${start}.${number}`;
}

export function initialState(options: {
  readonly executorCount: number;
  readonly slots: number;
  readonly drainTimeoutMs: number;
  readonly start: string;
  readonly previous: string;
  /** Outcomes that an earlier start left. */
  readonly spooled: readonly { readonly key: string; readonly ref: AttemptRef; readonly report: AttemptReport }[];
}): SessionState {
  const { executorCount, slots, drainTimeoutMs, start, previous, spooled } = options;
  return {
    executorCount,
    slots,
    drainTimeoutMs,
    incarnation: { start, number: 1, previous, wasWelcomed: false },
    link: { kind: "idle", retryAt: Number.NEGATIVE_INFINITY },
    executor: 0,
    connection: 0,
    failures: 0,
    held: new Map(spooled.map(({ key, ref, report }) => [key, { ref, stage: "settled", report, deliveries: 0 }])),
    leaseMs: null,
    leaseUntil: null,
    draining: null,
  };
}
