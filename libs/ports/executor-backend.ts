import type { PickedInstance, QueuedInstance } from "./queued-instance.ts";

/** An instance, and the worker whose free slot it was picked for. */
export interface PlannedClaim {
  readonly workerKey: number;
  readonly instance: PickedInstance;
}

/**
 * A way by which attempts reach machines other than a push over the worker's session, which is there always: tickets on
 * Kafka are one; a Kubernetes Job for each attempt, which opens a session for that attempt alone, is another. It is
 * advisory: whoever gets the offer claims the instance over a session, and the claim decides. What is not claimed in
 * time is dispatched again.
 */
export interface ExecutorBackend {
  /** As `executor` of a definition names it. */
  readonly name: string;
  /** Whether the instance is to go this way now; otherwise it is claimed for its worker at once. */
  mayOffer(instance: Pick<PickedInstance, "backend" | "isPlaced" | "wasDispatched">): boolean;
  /** How many offers are on their way that a pick can't see yet, at most. */
  readonly offeredCount: number;
  /** The instance is one of them. */
  isOffered(instance: QueuedInstance): boolean;
  /** Resolves with the number of offers that are on their way; each counts against its worker's slots until it is claimed or too old. */
  offer(planned: readonly PlannedClaim[]): Promise<number>;
  /** Ends its timers; what is on its way is left to the scans. */
  stop(): void;
}
