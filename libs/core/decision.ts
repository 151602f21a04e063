import type { AttemptChange, AttemptKey } from "./attempt-change.ts";
import type { EventVerdict } from "./event-verdict.ts";
import type { SlotNeed } from "./limits.ts";
import type { Plan } from "./plan.ts";
import type { Instance, RunRow } from "./run-model.ts";
import type { TaskState } from "./states.ts";

/** A changed or new row, with what the write must find: `null` for a new row. */
export interface InstanceChange {
  readonly next: Instance;
  readonly guard: { readonly state: TaskState; readonly fence: number } | null;
}

export type OutputChange =
  | {
      readonly kind: "written";
      readonly ordinal: number;
      readonly generation: number;
      readonly key: string;
      readonly json: string;
      readonly at: number;
    }
  | { readonly kind: "cleared"; readonly ordinal: number };

/** A public event; the run's own sequence orders it (G7). `ordinal` null: about the run. */
export interface EventChange {
  readonly sequence: number;
  readonly eventType: string;
  readonly ordinal: number | null;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An attempt whose worker must be told to kill it: the state is changed already. */
export interface StopRequest extends AttemptKey {
  readonly fence: number;
  readonly workerKey: number;
  readonly reason: string;
  readonly graceMs: number;
}

/** The parameters of a run, as they are resolved and checked, and what there was to warn of. */
export interface RunParameters {
  readonly values: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** Everything that one batch of events changes in one run, to be written as one transaction. */
export interface Decision {
  readonly run: RunRow;
  /** The plan that the rows after it are of: another one than before when a rerun changed the version. */
  readonly plan: Plan;
  /** What a rerun gave the run instead of its parameters; null: they stay. */
  readonly parameters: RunParameters | null;
  /** The sequence that the write must find on the run's row. */
  readonly expectedSequence: number;
  readonly instances: readonly InstanceChange[];
  readonly attempts: readonly AttemptChange[];
  readonly outputs: readonly OutputChange[];
  readonly events: readonly EventChange[];
  /** Room that the write must find and take, or leave this run as it is. */
  readonly slotsTaken: readonly SlotNeed[];
  /** Holders, by ordinal, of which every slot is given back. */
  readonly slotsFreed: readonly number[];
  /** Effects for after the commit. */
  readonly stops: readonly StopRequest[];
  /** Instances that became queued and are not held: the hand-off may take them. */
  readonly readyOrdinals: readonly number[];
  /** Instances to evaluate (`when`, `for_each`, `pool`) before they are queued. */
  readonly evaluateOrdinals: readonly number[];
  /** One for each event of the batch, in its order. */
  readonly verdicts: readonly EventVerdict[];
}
