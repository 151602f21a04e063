import type { DroppedSlots, DropReason } from "#ports/schedule-store.ts";

/** What the event `dag.slots_dropped` says. */
export function toDroppedEvent({ from, to, count, reason }: DroppedSlots): {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly reason: DropReason;
} {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), count, reason };
}
