import type { StateCounts } from "./run-model.ts";
import type { RunState } from "./states.ts";

/** What the state of a run follows from. */
export interface RunStateFacts {
  readonly counts: StateCounts;
  readonly exemptCount: number;
  readonly cancelRequested: boolean;
  readonly everStarted: boolean;
}

/** True once no instance can change by itself any more. */
export function isSettled(counts: StateCounts): boolean {
  return counts.none + counts.queued + counts.running + counts.up_for_retry === 0;
}

/** The first state that applies; a cancel flag is only ever set on a run that had not failed. */
export function computeRunState(facts: RunStateFacts): RunState {
  const { counts } = facts;
  if (facts.cancelRequested) return "cancelled";
  if (counts.failed + counts.upstream_failed > facts.exemptCount) return "failed";
  if (isSettled(counts)) return "success";
  if (!facts.everStarted) return "queued";
  const retryIsAll = counts.up_for_retry > 0 && counts.running + counts.queued === 0;
  return retryIsAll ? "up_for_retry" : "running";
}

export const noInstances: StateCounts = {
  none: 0,
  queued: 0,
  running: 0,
  up_for_retry: 0,
  success: 0,
  failed: 0,
  upstream_failed: 0,
  skipped: 0,
  removed: 0,
};
