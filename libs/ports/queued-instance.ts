import type { ResourceAmounts } from "#core/resource-amounts.ts";

/** A queued instance that may be dispatched now. */
export interface QueuedInstance {
  readonly runKey: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly tryNumber: number;
}

export interface PickedInstance extends QueuedInstance {
  /** Its executor backend; null: the deployment's. */
  readonly backend: string | null;
  /** Not every worker of its queue may have it. */
  readonly isPlaced: boolean;
  /** It was stamped once since it became queued: its ticket was handed back, or nobody has used it in time. */
  readonly wasDispatched: boolean;
  /** Present: what it takes of its worker. */
  readonly requests?: ResourceAmounts;
}

export interface PickedInstances {
  readonly instances: readonly PickedInstance[];
  /** As many as were asked for were found, though limits may have left some of them out: there may be more. */
  readonly mayBeMore: boolean;
  /** The one run of which something may be taken, as far as was looked (at the best of each DAG); null: none, or several. */
  readonly onlyRun: number | null;
}

/** An instance that was stamped, as its ticket names it. */
export interface StampedInstance extends QueuedInstance {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly queue: string;
}
