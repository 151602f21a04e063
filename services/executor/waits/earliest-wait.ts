import type { Decision } from "#core/decision.ts";
import { unstartedWait } from "#core/unstarted-wait.ts";

/** Milliseconds until what a decision lets wait without a worker must be looked at; null when nothing must. */
export function earliestWaitInMs(decision: Decision, now: number): number | null {
  let earliest: number | null = null;
  for (const { next } of decision.instances) {
    if (next.state !== "queued" || next.waitsFor === null) continue;
    const at = next.waitsFor === unstartedWait ? now : next.dueAt;
    if (at !== null && (earliest === null || at < earliest)) earliest = at;
  }
  return earliest === null ? null : Math.max(0, earliest - now);
}
