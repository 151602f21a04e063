import { ofRun } from "#core/limits.ts";
import type { RunChangeResult } from "#ports/run-store.ts";
import type { WakeTopic } from "#ports/wake.ts";

/** Who may have waited for the room that a change gave back, or begins to wait for some. */
export function roomWakes({ decision, run }: Extract<RunChangeResult, { kind: "applied" }>): readonly WakeTopic[] {
  const channels: WakeTopic[] = [];
  const waits = !run.run.isAdmitted && run.run.endedAt === null;
  if (waits || decision.slotsFreed.includes(ofRun)) channels.push("room");
  if (decision.slotsFreed.some((ordinal) => ordinal !== ofRun)) channels.push("queued");
  return channels;
}

/** Whom a run may concern that took the place of another: its attempts are to stop, and its room is given back. */
export const replacementWakes: readonly WakeTopic[] = ["stops", "room"];
