import type { SlotMark, SlotRun, WaitingSlot } from "./backfill-slot.ts";
import type { Page, PageRequest } from "./queries.ts";
import type { RunChange } from "./run-store.ts";
import type { RunView } from "./run-views.ts";

/** Which slots get a run: those without one, those whose run failed or was cancelled, or every one. */
export type BackfillSelection = "missing" | "failed" | "all";

/**
 * `planning`: its slots are being listed. `cancelling`: nothing new begins, runs of it go on. The last two have their end.
 * Paused is a flag beside it.
 */
export type BackfillState = "planning" | "running" | "cancelling" | "cancelled" | "completed";

/** A backfill to make. Times in milliseconds since 1970. */
export interface NewBackfill {
  readonly backfillId: string;
  readonly dagKey: number;
  /** The version whose schedule lists the slots. */
  readonly versionKey: number;
  /** The first and the last instant of the range. */
  readonly fromAt: number;
  readonly toAt: number;
  readonly selection: BackfillSelection;
  readonly newestFirst: boolean;
  /** Runs of it that go on at once, at most. */
  readonly maxActiveRuns: number;
  /** Added to the definition's priority. */
  readonly priorityOffset: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly note: string;
  readonly createdBy: string;
  readonly slotCount: number;
  /** Present: the same caller and id get the same backfill; another `bodyHash` is a conflict. */
  readonly request: { readonly id: string; readonly bodyHash: string } | null;
}

export interface BackfillRow extends Omit<NewBackfill, "request"> {
  readonly backfillKey: number;
  readonly dagId: string;
  readonly state: BackfillState;
  readonly isPaused: boolean;
  /** Asked for with the cancel: its runs that go on are cancelled too. */
  readonly cancelRuns: boolean;
  /** Slots up to it are listed. */
  readonly plannedTo: number;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

/** Slots by what became of them; the runs' states are as they are now. */
export interface BackfillProgress {
  /** Not begun, those that are still to be listed included. */
  readonly waiting: number;
  /** Its run has not ended. */
  readonly active: number;
  readonly success: number;
  readonly failed: number;
  readonly cancelled: number;
  /** There was a run that the selection leaves alone, or one that had not ended. */
  readonly left: number;
  /** No run could be made, for a lasting cause. */
  readonly refused: number;
}

export interface BackfillView extends BackfillRow {
  readonly progress: BackfillProgress;
  /** The last reason for which a slot was refused; empty: none was. */
  readonly refusal: string;
}

export type CreateBackfillResult =
  | { readonly kind: "created" | "repeated"; readonly backfillId: string }
  /** The request id was used with another body. */
  | { readonly kind: "request_conflict" };

/**
 * Backfills and their slots. What the leader writes carries its epoch and changes a slot only while it waits, so that an
 * ex-leader, a repetition or a crash makes nothing twice and leaves nothing out.
 */
export interface BackfillStore {
  create(backfill: NewBackfill): Promise<CreateBackfillResult>;
  get(backfillId: string): Promise<BackfillView | null>;
  /** Newest first. */
  list(
    page: PageRequest,
    filter: { dagId: string | null; states: readonly BackfillState[] },
  ): Promise<Page<BackfillView>>;
  /** Runs that it made or made again, newest first. */
  listRuns(page: PageRequest, backfillId: string): Promise<Page<RunView>>;
  /** The runs of a DAG that have these dates, by date. */
  findRuns(dagKey: number, dates: readonly number[]): Promise<ReadonlyMap<number, SlotRun>>;
  /** Whether there is one that has not ended. */
  setPaused(backfillId: string, isPaused: boolean): Promise<boolean>;
  /** Nothing new begins; repeated, it may still ask for the runs. Whether there is one that has not ended. */
  cancel(backfillId: string, options: { cancelRuns: boolean }): Promise<boolean>;

  /**
   * Backfills that have something to do, by key: not paused, of a DAG in force that is not paused, or cancelling. In
   * pages of `limit` behind `afterKey`.
   */
  listOpen(page: { afterKey: number; limit: number }): Promise<readonly BackfillRow[]>;
  /** Lists slots behind `plannedTo` and moves it on, both or neither; whether it did. */
  addSlots(
    backfill: Pick<BackfillRow, "backfillKey" | "plannedTo">,
    slots: { readonly dates: readonly number[]; readonly plannedTo: number; readonly isLast: boolean },
    epoch: number,
  ): Promise<boolean>;
  /**
   * Takes over runs that were made for waiting slots without being noted, and ends slots whose run has ended. Answers
   * how many runs go on; null: the epoch does not lead.
   */
  settle(backfillKey: number, epoch: number): Promise<number | null>;
  /** Slots that wait, in the backfill's order. */
  listWaiting(
    backfill: Pick<BackfillRow, "backfillKey" | "newestFirst">,
    limit: number,
  ): Promise<readonly WaitingSlot[]>;
  markSlots(backfillKey: number, marks: readonly SlotMark[], epoch: number): Promise<void>;
  /**
   * Changes the slot's run by `decide`, gives it the backfill's priority and marks the slot as active, all or nothing.
   * `unchanged`: the slot no longer waits, the epoch does not lead, `decide` refused, or another process was faster.
   */
  rerunSlot(
    slot: {
      readonly backfillKey: number;
      readonly logicalAt: number;
      readonly runKey: number;
      readonly priorityOffset: number;
    },
    decide: RunChange["decide"],
    epoch: number,
  ): Promise<"rerun" | "unchanged">;
  /** Runs of it that go on: their keys. */
  listActiveRuns(backfillKey: number, limit: number): Promise<readonly number[]>;
  /** Gives it its end. */
  finish(backfillKey: number, state: "cancelled" | "completed", epoch: number): Promise<void>;
}
