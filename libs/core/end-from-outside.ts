import { closeAttempt } from "./attempt-events.ts";
import { announceEnd } from "./propagation.ts";
import type { RunDraft } from "./run-draft.ts";
import type { Instance } from "./run-model.ts";
import type { TerminalState } from "./states.ts";
import type { TransitionCause } from "./transition-table.ts";

export interface OutsideEnd {
  readonly state: TerminalState;
  readonly reason: string;
  readonly cause: TransitionCause;
  /** More data of the event that tells of it. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Ends an instance whatever it does; its attempt keeps its slots until it is released. */
export function endFromOutside(draft: RunDraft, instance: Instance, end: OutsideEnd): void {
  const { state, reason, cause, data = {} } = end;
  stopAttempt(draft, instance, reason);
  const exempt = state === "failed" && draft.taskOf(instance).allowFailure;
  const next = draft.put(
    {
      ...instance,
      state,
      reason,
      exempt,
      fence: instance.fence + 1,
      endedAt: draft.now,
      dueAt: null,
      waitsFor: null,
      awaitsEvaluation: false,
    },
    cause,
  );
  announceEnd(draft, next, data);
}

/** Orders the worker of a running attempt to kill it. */
export function stopAttempt(draft: RunDraft, instance: Instance, reason: string): void {
  if (instance.state !== "running" || !instance.held || instance.workerKey === null) return;
  closeAttempt(draft, instance, { state: "stopped", errorCode: reason, errorMessage: `stopped: ${reason}` });
  draft.stops.push({
    ordinal: instance.ordinal,
    generation: instance.generation,
    tryNumber: instance.tryNumber,
    fence: instance.heldFence,
    workerKey: instance.workerKey,
    reason,
    graceMs: draft.taskOf(instance).graceMs,
  });
}
