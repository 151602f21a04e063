import type { Decision } from "#core/decision.ts";
import type { RecordedAttempt } from "#core/difference.ts";
import type { RunAggregate } from "#core/run-model.ts";

/** A run as it was at one moment, whatever is wrong with it. */
export interface RunSnapshot {
  /** Instances by ordinal; some may be missing. */
  readonly run: RunAggregate;
  /** Those that are not released, those that instances say they hold, and all of instances that are missing. */
  readonly attempts: readonly RecordedAttempt[];
  /** Row keys of workers that instances are held by and that are out of service, or not there at all. */
  readonly goneWorkers: ReadonlySet<number>;
  /** Outputs of generations that are over. */
  readonly staleOutputs: readonly { readonly ordinal: number; readonly key: string }[];
  /** The store's clock at that moment. */
  readonly now: number;
}

/** A run whose version can't be read: nothing can be said of it. */
export interface UnreadableRun {
  readonly runKey: number;
  readonly runId: string;
  readonly error: string;
}

export interface SnapshotPage {
  readonly runs: readonly RunSnapshot[];
  readonly unreadable: readonly UnreadableRun[];
}

export type RunRepair =
  | { readonly kind: "applied"; readonly run: RunAggregate; readonly decision: Decision | null }
  /** Nothing of it is wrong any more, or it is gone. */
  | { readonly kind: "unchanged" }
  /** Somebody else is writing it. */
  | { readonly kind: "busy" };

/** What is wrong beside runs. `subject`: an id, where the finding has one. */
export interface StrayFact {
  readonly kind:
    | "outbox_stuck"
    | "event_gap"
    | "date_index"
    | "lease_far"
    | "slot_idle"
    | "schedule_overdue"
    | "version_missing"
    | "queue_without_worker"
    | "worker_overdue"
    | "files_overdue";
  readonly subject: string;
  readonly detail: string;
}

/** What the check of stray facts judges by, in milliseconds. */
export interface StrayLimits {
  /** Events without an id for longer are stuck. */
  readonly outboxMs: number;
  /** No lease is ever taken for longer. */
  readonly leaseMs: number;
  readonly scheduleMs: number;
  /** Work that waits longer for a queue that no worker takes from. */
  readonly queueMs: number;
  /** Beyond the end of its lease. */
  readonly workerMs: number;
  /** Files of artifacts that should have been removed for longer. */
  readonly filesMs: number;
  /** Files of artifacts that the store has not removed so often. */
  readonly fileFailures: number;
}

/** How the database runs, and how its tables stand. */
export interface StoreFacts {
  /** The store's clock; compare it with one's own at the middle of the call. */
  readonly now: number;
  /** Settings that let it lose what it acknowledged. */
  readonly unsafeSettings: readonly string[];
  readonly migrations: readonly { readonly name: string; readonly state: "pending" | "changed" | "unknown" }[];
  readonly workerVersions: readonly { readonly workerId: string; readonly version: string }[];
}

/** What the consistency check reads and repairs. Reads take no locks; a repair holds one run, and waits for none. */
export interface ConsistencyStore {
  /** Runs after a key, in order, with their number of instances; `ended`: those that have ended, else those that go on. */
  listRuns(options: {
    afterKey: number;
    ended: boolean;
    limit: number;
  }): Promise<readonly { readonly runKey: number; readonly instanceCount: number }[]>;
  /** These runs, all at one moment; those that are gone are left out. */
  readRuns(runKeys: readonly number[]): Promise<SnapshotPage>;
  /**
   * Decides on what the run is while nobody else can write it, and writes that, guarded as any change. Outputs of
   * generations that are over are removed with it. Whoever remembers the run must read all of it again.
   */
  repairRun(runKey: number, decide: (snapshot: RunSnapshot) => Decision | null): Promise<RunRepair>;
  /** At most `limit` of each kind. */
  listStrays(limits: StrayLimits, limit: number): Promise<readonly StrayFact[]>;
  /** Leases that are held for more than `longestMs` end after `leaseMs`; a holder that lives renews its own. Answers their names. */
  shortenLeases(longestMs: number, leaseMs: number): Promise<readonly string[]>;
  /**
   * Gives slots back whose holder is gone or no longer holds them, at most `limit`, and wakes who may wait for them;
   * answers their subjects.
   */
  freeIdleSlots(limit: number): Promise<readonly string[]>;
  /** Forgets requests whose answer is no longer promised (G6), at most `limit`; answers how many. */
  forgetRequests(limit: number): Promise<number>;
  describe(): Promise<StoreFacts>;
}
