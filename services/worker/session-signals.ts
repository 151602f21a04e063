import type { StopReason } from "#operators/operator.ts";
import type { Assignment, AttemptRef, AttemptReport } from "./attempt.ts";
import type { ResourceUsage, Strain } from "./pressure.ts";
import type { TicketRef } from "./ticket-ref.ts";

/** Why an executor refused a hello: this incarnation is dead to the database, or something that a new one would not change. */
export type Refusal = "incarnation_lost" | "other";

/** What the executor says of an attempt that a hello named. */
export type Verdict = "keep" | "kill" | "settled";

/** What happens to a session. `connection` tells of which stream it is: older ones are not listened to. */
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
  /** `delivery` names it among those that came in. */
  | { readonly kind: "ticket"; readonly delivery: number; readonly ref: TicketRef }
  /** `assignment` is null where the claim came to nothing, for the reason. */
  | {
      readonly kind: "claim_answered";
      readonly connection: number;
      readonly key: string;
      readonly assignment: Assignment | null;
      readonly reason: string;
    }
  | { readonly kind: "partitions_owned"; readonly owned: ReadonlyMap<string, readonly number[]> }
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
      /** Null: it was not refused but broke, or never came to be. */
      readonly refusal: Refusal | null;
      readonly problem: string;
      readonly random: number;
    }
  /** Its process tree is gone. */
  | { readonly kind: "finished"; readonly key: string; readonly report: AttemptReport }
  | { readonly kind: "measured"; readonly usage: ResourceUsage }
  | { readonly kind: "shutdown"; readonly reason: string }
  | { readonly kind: "tick" };

/** What a step wants done, in this order. */
export type SessionEffect =
  | {
      readonly kind: "connect";
      readonly connection: number;
      readonly executor: number;
      readonly incarnation: string;
      readonly predecessors: readonly string[];
      readonly held: readonly AttemptRef[];
      /** Those of `held` that have ended. */
      readonly outcomes: readonly AttemptRef[];
    }
  | { readonly kind: "disconnect"; readonly connection: number }
  | {
      readonly kind: "send_beat";
      readonly sequence: number;
      readonly held: readonly AttemptRef[];
      readonly freeSlots: number;
      readonly usage: ResourceUsage | null;
      readonly strain: Strain | null;
    }
  | { readonly kind: "send_claim"; readonly ref: TicketRef }
  | { readonly kind: "return_ticket"; readonly ref: TicketRef; readonly reason: string }
  /** The worker needs the ticket no more: its offset may pass. */
  | { readonly kind: "pass_ticket"; readonly delivery: number }
  | { readonly kind: "send_partitions"; readonly owned: ReadonlyMap<string, readonly number[]> }
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
  /** What the next start is to know of this one, in place of what it knew before. */
  | { readonly kind: "record_incarnations"; readonly incarnations: readonly string[] }
  | { readonly kind: "tell_refusal"; readonly problem: string }
  | {
      readonly kind: "note";
      readonly level: "info" | "warn";
      readonly text: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };
