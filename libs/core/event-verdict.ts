import type { RepairPlan } from "./repair-plan.ts";
import type { Instance } from "./run-model.ts";

/** The answer to one event of a batch: refused ones changed nothing. */
export type EventVerdict =
  /** `repair`: what a rerun, clear or mark came to. */
  | { readonly accepted: true; readonly instance: Instance | null; readonly repair?: RepairPlan }
  | { readonly accepted: false; readonly reason: RefusalReason };

export type RefusalReason =
  | "stale_fence"
  | "stale_revision"
  | "illegal_state"
  | "unknown_instance"
  | "held"
  | "not_due"
  | "paused"
  /** A limit has no room for it now. */
  | "limit_reached"
  | "archived"
  | "nothing_to_do";

export function refuse(reason: RefusalReason): EventVerdict {
  return { accepted: false, reason };
}

export function accept(instance: Instance | null): EventVerdict {
  return { accepted: true, instance };
}
