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
  readonly replaceExisting: boolean;
  /** Present: the same caller and id get the same answer for 24 h; another `bodyHash` is a conflict. */
  readonly request: { readonly caller: string; readonly id: string; readonly bodyHash: string } | null;
  /** Present: the leader's epoch, checked in the INSERT. */
  readonly leaderEpoch: number | null;
}

export type CreateRunResult =
  | { readonly kind: "created"; readonly runKey: number; readonly runId: string }
  | { readonly kind: "repeated"; readonly runId: string }
  /** The date already has a run. */
  | { readonly kind: "exists"; readonly runId: string }
  /** The request id was used with another body. */
  | { readonly kind: "request_conflict" }
  | { readonly kind: "not_leader" };
