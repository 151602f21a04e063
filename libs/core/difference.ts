import type { AttemptKey } from "./attempt-change.ts";
import type { Decision } from "./decision.ts";

/** An attempt as it is recorded. Released: nothing of its process tree lives. */
export interface RecordedAttempt extends AttemptKey {
  readonly fence: number;
  readonly workerKey: number | null;
  readonly isRunning: boolean;
  readonly isReleased: boolean;
}

/** What follows from other rows of the run and is recorded otherwise. */
export type RecountedPart =
  | "rows"
  | "counts"
  | "state"
  | "end"
  | "start"
  | "exempt"
  | "parents"
  | "items"
  | "holder"
  | "readiness";

export interface Difference {
  readonly part: RecountedPart;
  /** Null: of the run's row. */
  readonly ordinal: number | null;
  readonly recorded: string;
  readonly follows: string;
}

export interface Recount {
  readonly differences: readonly Difference[];
  /** What puts the run right; guarded like every other. */
  readonly decision: Decision;
}

export type NoteDifference = (difference: Difference) => void;
