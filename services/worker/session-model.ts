import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { Assignment, AttemptRef, AttemptReport } from "./attempt.ts";
import type { Incarnation } from "./incarnation.ts";
import { noPressure, type Pressure } from "./pressure.ts";
import type { TicketRef } from "./ticket-ref.ts";

/** An attempt in the worker's hands, from its assignment until nobody needs to hear of it. */
export type Held = {
  readonly ref: AttemptRef;
} /** Its instance's older attempt is still dying (G4), or slots or resources are taken: two executors may assign at once. */ & (
  | { readonly stage: "waiting"; readonly assignment: Assignment }
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

/** A ticket that was claimed and not answered yet, with all deliveries of it. */
export interface Claim {
  readonly ref: TicketRef;
  readonly deliveries: readonly number[];
}

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
  /** What attempts may ask for together. */
  readonly resources: ResourceAmounts;
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
  /** What those ask for of which something may still run, by their keys. */
  readonly taken: ReadonlyMap<string, ResourceAmounts>;
  /** Tickets that were claimed on this session, by what they name; each takes a slot. */
  readonly claims: ReadonlyMap<string, Claim>;
  /** The partitions that this worker owns, by queue; null: it takes no tickets. */
  readonly partitions: ReadonlyMap<string, readonly number[]> | null;
  /** Length of the last lease; null before the first welcome. */
  readonly leaseMs: number | null;
  /** Everything is killed then unless a beat is answered before (G4). */
  readonly leaseUntil: number | null;
  readonly draining: Draining | null;
  /** How full the machine is. */
  readonly pressure: Pressure;
  /** This process was held up for a good part of the lease, and has not kept a beat's time since. */
  readonly isHeldUp: boolean;
  /** Why no executor takes it; null: none has refused it since its last welcome. */
  readonly refusal: string | null;
}

export function initialState(options: {
  readonly executorCount: number;
  /** The executor that is tried first; absent: the first in the list. */
  readonly executor?: number;
  readonly slots: number;
  readonly resources: ResourceAmounts;
  readonly drainTimeoutMs: number;
  readonly start: string;
  readonly predecessors: readonly string[];
  /** Outcomes that an earlier start left. */
  readonly spooled: readonly { readonly key: string; readonly ref: AttemptRef; readonly report: AttemptReport }[];
}): SessionState {
  const { executorCount, executor = 0, slots, resources, drainTimeoutMs, start, predecessors, spooled } = options;
  return {
    executorCount,
    slots,
    resources,
    drainTimeoutMs,
    incarnation: { start, number: 1, predecessors },
    link: { kind: "idle", retryAt: Number.NEGATIVE_INFINITY },
    executor,
    connection: 0,
    failures: 0,
    held: new Map(spooled.map(({ key, ref, report }) => [key, { ref, stage: "settled", report, deliveries: 0 }])),
    taken: new Map(),
    claims: new Map(),
    partitions: null,
    leaseMs: null,
    leaseUntil: null,
    draining: null,
    pressure: noPressure,
    isHeldUp: false,
    refusal: null,
  };
}
