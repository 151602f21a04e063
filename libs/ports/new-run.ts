import type { SensorFiring } from "./sensor-firing.ts";

export type RunType = "scheduled" | "manual" | "backfill" | "sensor" | "trigger_dag" | "webhook";

/** A run to make; parameters are resolved and checked already. Times in milliseconds since 1970. */
export interface NewRun {
  readonly runId: string;
  readonly dagKey: number;
  readonly versionKey: number;
  readonly logicalAt: number;
  readonly intervalStartAt: number;
  readonly intervalEndAt: number;
  readonly runType: RunType;
  readonly triggeredBy: string;
  readonly externalTriggerId: string;
  readonly note: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  readonly traceparent: string | null;
  /** Runs of one key share a limit; null: it has none. */
  readonly concurrencyKey: string | null;
  /** Without room in its limits it waits, or is not made. */
  readonly whenFull: "wait" | "refuse";
  readonly replaceExisting: boolean;
  /** Present: the same caller and id get the same answer for 24 h; another `bodyHash` is a conflict. */
  readonly request: { readonly caller: string; readonly id: string; readonly bodyHash: string } | null;
  /** Added to the definition's priority; absent: 0. */
  readonly priorityOffset?: number;
  /** Present: the event that makes it, written with it. */
  readonly firing?: SensorFiring;
  /** Present: the leader's epoch, checked in the INSERT. */
  readonly leaderEpoch: number | null;
}

interface CreatedRunRef {
  readonly kind: "created";
  readonly runKey: number;
  readonly runId: string;
  /** False: it waits for room in its limits. */
  readonly isAdmitted: boolean;
  /** Something of it is to be looked at before it is queued. */
  readonly awaitsEvaluation: boolean;
}

export type CreateRunResult =
  | CreatedRunRef
  | { readonly kind: "repeated"; readonly runId: string }
  /** The date already has a run. */
  | { readonly kind: "exists"; readonly runId: string }
  /** Its limits have no room, and it was not to wait. */
  | { readonly kind: "no_room" }
  /** The request id was used with another body. */
  | { readonly kind: "request_conflict" }
  /** Nor when what the event follows from is gone. */
  | { readonly kind: "not_leader" };
