import type { Definition } from "#definition/model.ts";
import type { SlotMark, WaitingSlot } from "#ports/backfill-slot.ts";
import type { BackfillRow } from "#ports/backfill-store.ts";
import type { BackfillContext, BackfillStep } from "./advance-backfill.ts";
import { decideSlot } from "./decide-slot.ts";
import { beginSlot, type SlotBeginning } from "./begin-slot.ts";

/** Slots looked at in one step. */
const batchSize = 500;

/** Runs that one step begins: other backfills have their turn after it. */
const maxBegun = 20;

/** What a backfill does with its slots in this step. */
interface Filling {
  readonly marks: SlotMark[];
  begun: number;
  /** Another process was faster: what is there now is looked at again. */
  isOvertaken: boolean;
}

/**
 * Decides the slots that wait, in their order, as far as the backfill's own limit of active runs allows. `done`: none
 * waits any more.
 */
export async function fillSlots(
  backfill: BackfillRow,
  active: number,
  context: BackfillContext,
): Promise<BackfillStep | "done"> {
  const { store, epoch } = context;
  const waiting = await store.backfills.listWaiting(backfill, batchSize);
  if (waiting.length === 0) return "done";
  const inForce = await store.definitions.getActive(backfill.dagId);
  if (inForce?.isActive !== true) return "waits";
  const { versionKey } = inForce;
  const beginning = { backfill, definition: inForce.definition as Definition, versionKey, context };
  const free = Math.min(backfill.maxActiveRuns - active, maxBegun);
  const filling: Filling = { marks: [], begun: 0, isOvertaken: false };
  let looked = 0;
  try {
    for (const slot of waiting) {
      if (context.signal.aborted) break;
      const result = await fillSlot(slot, { ...beginning, filling, free });
      if (result === "deposed") return "deposed";
      if (result === "full") break;
      looked += 1;
    }
  } finally {
    // What was begun before a failure is noted; what could not be, the next settling finds.
    await store.backfills.markSlots(backfill.backfillKey, filling.marks, epoch);
  }
  const isLimited = active + filling.begun >= backfill.maxActiveRuns;
  const hasMore = looked > 0 && (!isLimited || filling.marks.length > 0 || looked === batchSize);
  return hasMore || filling.isOvertaken ? "more" : "waits";
}

/** `full`: as many runs go on as may. */
async function fillSlot(
  slot: WaitingSlot,
  options: SlotBeginning & { readonly filling: Filling; readonly free: number },
): Promise<"filled" | "full" | "deposed"> {
  const { filling, free, backfill } = options;
  const { logicalAt } = slot;
  const decision = decideSlot(slot.run, backfill);
  if (decision.kind === "leave") {
    filling.marks.push({ logicalAt, state: "left", reason: decision.reason });
    return "filled";
  }
  if (decision.kind === "adopt") {
    filling.marks.push({ logicalAt, state: "active", runKey: decision.run.runKey });
    return "filled";
  }
  if (filling.begun >= free) return "full";
  const result = await beginSlot(logicalAt, decision, options);
  if (result === "deposed") return "deposed";
  if (result === "overtaken") filling.isOvertaken = true;
  else if (result === "rerun") filling.begun += 1;
  else {
    filling.marks.push(result);
    if (result.state === "active") filling.begun += 1;
  }
  return "filled";
}
