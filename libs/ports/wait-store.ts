import type { Page, PageRequest } from "./queries.ts";

/** Names one wait: the attempt that ends with its answer. */
export interface WaitKey {
  readonly runKey: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly tryNumber: number;
}

/** What tasks without a worker wait for: a time, a condition that is looked at, people, or the end of another run. */
export type WaitKind = "time" | "condition" | "approval" | "run";

/** A wait as it is made, before its instance begins to wait by it. */
export interface NewWait extends WaitKey {
  readonly kind: WaitKind;
  /** The longest time from its begin, in milliseconds; null: without a limit. */
  readonly timeoutMs: number | null;
  /** How many runs have triggered each other up to the one that this wait makes; 0 where it makes none. */
  readonly depth: number;
  /** What the rendered fields ask for, by the kind's own rules; at most 64 KiB of JSON. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface StoredWait extends NewWait {
  /** The run that it made; null: none yet. */
  readonly childRunId: string | null;
}

/** A wait whose instance waits by it now. Times are milliseconds since 1970 by the store's clock. */
export interface OpenWait extends StoredWait {
  readonly runId: string;
  readonly fence: number;
  readonly startedAt: number;
}

/** A run that a wait made and has to do with still: the run has ended, or nothing waits for it any more. */
export interface ChildOfWait {
  readonly wait: StoredWait;
  /** The instance's fence, where it waits by this wait; null: it was cancelled, cleared, marked or timed out. */
  readonly fence: number | null;
  /** Null: the run is gone. */
  readonly child: { readonly runKey: number; readonly state: string; readonly hasEnded: boolean } | null;
}

interface WaitLook {
  readonly hasUnstarted: boolean;
  readonly hasDue: boolean;
  readonly hasChildren: boolean;
  readonly nextDueInMs: number | null;
}

/** A question that waits for people. */
export interface ApprovalView extends OpenWait {
  readonly dagId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly itemKey: string | null;
}

/**
 * What instances wait for that need no worker. A wait is written first, once for each attempt, then its instance begins
 * to wait by it; it ends with its instance, through the one door for changes (`RunStore`). Nothing here changes a state.
 */
export interface WaitStore {
  /** What there is to do, told without reading it: most looks find nothing. `nextDueInMs` null: none waits for a time. */
  look(): Promise<WaitLook>;
  /** Queued instances of runs that are not paused, of which nobody has looked at what they are to wait for. */
  listUnstarted(limit: number): Promise<readonly { readonly runKey: number; readonly ordinal: number }[]>;
  /** Answers the wait as it is stored: what was saved first under its key stays. */
  save(wait: NewWait): Promise<StoredWait>;
  /** Waits whose instance is due by the store's clock. */
  listDue(limit: number): Promise<readonly OpenWait[]>;
  /** Notes the run that a wait made, from now on a child that it has to do with. */
  setChild(key: WaitKey, childRunId: string): Promise<void>;
  listChildren(limit: number): Promise<readonly ChildOfWait[]>;
  /** The wait has nothing to do with its child any more. */
  closeChild(key: WaitKey): Promise<void>;
  /** How many runs have triggered each other up to this one; 0 for one that no other has made. */
  depthOf(runId: string): Promise<number>;
  /** Approvals that wait, oldest first. */
  listApprovals(
    page: PageRequest,
    filter: { readonly dagId: string | null; readonly assignee: string | null },
  ): Promise<Page<ApprovalView>>;
  /** Null: the instance does not exist, or does not wait for an approval. */
  getApproval(instanceId: string): Promise<ApprovalView | null>;
}
