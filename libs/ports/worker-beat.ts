import type { ResourceUsage, WorkerStatus } from "./worker-views.ts";

/** Attempts of a worker that ended, by how. */
export interface TaskCounts {
  readonly succeeded: number;
  readonly failed: number;
}

/** What a session counts: whole numbers of the row, not what was added, so that nothing counts twice. */
export interface WorkerTally {
  readonly counts: TaskCounts;
  /** When its last attempt ended, by the store's clock; null: none did in this session. */
  readonly lastTaskAt: number | null;
}

/** What a worker keeps its room for. */
export interface WorkerReservation {
  readonly runKey: number;
  readonly ordinal: number;
  /** By the store's clock. */
  readonly reservedAt: number;
}

export interface WorkerBeat extends WorkerTally {
  readonly workerKey: number;
  readonly sessionNumber: number;
  readonly leaseMs: number;
  readonly freeSlots: number;
  readonly status: Extract<WorkerStatus, "healthy" | "degraded" | "draining">;
  /** Why it takes no new work; empty when healthy. */
  readonly statusReason: string;
  /** Null: it does not tell. */
  readonly usage: ResourceUsage | null;
  readonly reservedFor: WorkerReservation | null;
}

export interface RenewedLease {
  readonly workerKey: number;
  readonly drainReason: string | null;
}
