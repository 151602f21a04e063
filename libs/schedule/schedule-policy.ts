/** What the scheduler does with the slots of a schedule. */
export interface SchedulePolicy {
  /** Slots that nobody made in time: none of them, the latest, or all up to `maxCatchup`. */
  readonly catchup: "none" | "latest" | "all";
  readonly maxCatchup: number;
  /** A slot that comes while the last run goes on: a run beside it, no run, a run after it, or a run in its place. */
  readonly overlap: "allow" | "skip" | "queue" | "cancel_running";
  /** The longest delay of a slot; each slot has its own. */
  readonly jitterMs: number;
  /** Failed runs in a row that pause the definition; null: it is never paused. */
  readonly pauseAfterFailures: number | null;
}

const defaults: SchedulePolicy = {
  catchup: "latest",
  maxCatchup: 100,
  overlap: "allow",
  jitterMs: 0,
  pauseAfterFailures: null,
};

/** The policy of a schedule that says some of it. */
export function policyOf(given: Partial<SchedulePolicy>): SchedulePolicy {
  const { catchup, maxCatchup, overlap, jitterMs, pauseAfterFailures } = { ...defaults, ...given };
  return { catchup, maxCatchup, overlap, jitterMs, pauseAfterFailures };
}
