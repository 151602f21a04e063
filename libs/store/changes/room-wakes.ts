import type { Decision } from "#core/decision.ts";
import { ofRun } from "#core/limits.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { WakeTopic } from "#ports/wake.ts";

/** Who may have waited for the room that a change of the run gave back, or begins to wait for some. */
export function roomWakes({ run }: RunAggregate, decision: Decision): readonly WakeTopic[] {
  const channels: WakeTopic[] = [];
  const waits = !run.isAdmitted && run.endedAt === null;
  if (waits || decision.slotsFreed.includes(ofRun)) channels.push("room");
  if (decision.slotsFreed.some((ordinal) => ordinal !== ofRun)) channels.push("queued");
  return channels;
}

/** Whom a run may concern that took the place of another: its attempts are to stop, and its room is given back. */
export const replacementWakes: readonly WakeTopic[] = ["stops", "room"];

/** Who may wait for slots that were held by nobody. */
export const freedSlotWakes: readonly WakeTopic[] = ["queued", "room"];
