import type { AttemptClosed, AttemptOpened } from "#core/attempt-change.ts";
import type { Plan } from "#core/plan.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { Instance, RunRow } from "#core/run-model.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { DispatchStamp } from "./dispatch-stamps.ts";

export interface StoredAttempt {
  readonly opened: Omit<AttemptOpened, "kind">;
  closed: AttemptClosed | null;
  releasedAt: number | null;
}

export interface StoredOutput {
  readonly generation: number;
  readonly json: string;
  readonly at: number;
}

export interface EarlierRequests {
  /** Of the attempt. */
  readonly fence: number;
  /** Undefined: nothing. */
  readonly requests: ResourceAmounts | undefined;
}

/** A run with everything that hangs on it. `instances` is changed in place, by ordinal. */
export interface StoredRun {
  row: RunRow;
  readonly instances: Instance[];
  /** Of its version, with the tasks behind that a rerun's version no longer has. */
  plan: Plan;
  /** As it was asked for; parameters and warnings may be a later rerun's. */
  made: NewRun;
  /** By ordinal, oldest first. */
  readonly attempts: Map<number, StoredAttempt[]>;
  readonly outputs: Map<number, Map<string, StoredOutput>>;
  /** By ordinal. */
  readonly stamps: Map<number, DispatchStamp>;
  /** By ordinal: what attempts take that began by an earlier version. */
  readonly earlierRequests: Map<number, EarlierRequests>;
  isOrphaned: boolean;
}
