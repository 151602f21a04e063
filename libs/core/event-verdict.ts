import type { Instance } from "./run-model.ts";

/** The answer to one event of a batch: refused ones changed nothing. */
export type EventVerdict =
  | { readonly accepted: true; readonly instance: Instance | null }
  | { readonly accepted: false; readonly reason: RefusalReason };

export type RefusalReason = "stale_fence" | "illegal_state" | "unknown_instance" | "held" | "not_due" | "paused";

export function refuse(reason: RefusalReason): EventVerdict {
  return { accepted: false, reason };
}

export function accept(instance: Instance | null): EventVerdict {
  return { accepted: true, instance };
}
