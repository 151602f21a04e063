import type { SlotRun } from "#ports/backfill-slot.ts";
import type { BackfillSelection } from "#ports/backfill-store.ts";

export type SlotDecision =
  | { readonly kind: "create" }
  /** The run begins a new generation, from these tasks on. */
  | { readonly kind: "rerun"; readonly run: SlotRun; readonly from: "failed" | "all" }
  /** The backfill made this run itself, and nobody noted it. */
  | { readonly kind: "adopt"; readonly run: SlotRun }
  | { readonly kind: "leave"; readonly reason: string };

/**
 * What a backfill does with a slot, given the run that has its date; a null `backfillId` asks for one that does not exist
 * yet. A run that has not ended is always left alone.
 */
export function decideSlot(
  run: SlotRun | null,
  { selection, backfillId }: { readonly selection: BackfillSelection; readonly backfillId: string | null },
): SlotDecision {
  if (run === null) return selection === "failed" ? { kind: "leave", reason: "it had no run" } : { kind: "create" };
  const isOwn = backfillId !== null && run.runType === "backfill" && run.externalTriggerId === backfillId;
  if (isOwn) return { kind: "adopt", run };
  if (run.endedAt === null) return { kind: "leave", reason: "its run had not ended" };
  if (selection === "all") return { kind: "rerun", run, from: "all" };
  if (selection === "missing") return { kind: "leave", reason: "it had a run" };
  const hasFailed = run.state === "failed" || run.state === "cancelled";
  return hasFailed ? { kind: "rerun", run, from: "failed" } : { kind: "leave", reason: "its run had not failed" };
}
