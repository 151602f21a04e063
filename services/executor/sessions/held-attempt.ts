import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { UsageNow } from "#gen/millrace/v1/task_service_pb.js";
import type { AttemptRef } from "#gen/millrace/v1/worker_session_service_pb.js";

/** An attempt that a session's worker has, from its claim until it is settled or released. */
export interface HeldAttempt {
  readonly runKey: number;
  readonly ordinal: number;
  readonly ref: AttemptRef;
  /** What it takes of its worker. */
  readonly requests: ResourceAmounts;
  /** Its assignment was sent, or the worker named it itself. */
  isSent: boolean;
  /** The first heartbeat that must list it; null: it may not have reached the worker yet. */
  countsFrom: number | null;
  /** Heartbeats in a row that should have listed it and did not. */
  missedBeats: number;
  /** Its outcome is here and being written: beats may leave it out. */
  isReported: boolean;
  /** Its stop order was sent. */
  isStopping: boolean;
  /** Its slot was offered to others with what its worker said of its end. */
  hasLeft: boolean;
  /** What it used at the last heartbeat; absent: its worker has not told. */
  usage?: UsageNow;
}
