/** Times in milliseconds since 1970. */
export interface ScheduleRow {
  /** As written, for people. */
  readonly text: string;
  readonly timezone: string;
  /** What decides its times, as text: a schedule whose rule stays the same keeps its place. */
  readonly rule: string;
  /** The first slot of a DAG that had no schedule; null: it does not fire. */
  readonly firstAt: number | null;
  /** The next slot when the schedule takes the place of another; null: it does not fire. */
  readonly nextAt: number | null;
}

/** A schedule whose turn has come. Times in milliseconds since 1970. */
export interface DueSchedule {
  readonly dagKey: number;
  readonly dagId: string;
  readonly versionKey: number;
  /** The slot to run: its logical date. */
  readonly dueAt: number;
  /** Since when it waits for its turn, which is not before its DAG was last resumed. */
  readonly turnAt: number;
  /** Slots up to it are made one after the other; null: none wait. */
  readonly backlogEnd: number | null;
  readonly registeredAt: number;
}

/** Why slots became no run. `missed`: nobody looked in time. `limit`: more than may be caught up. */
export type DropReason = "missed" | "limit" | "overlap";

export interface DroppedSlots {
  /** The first and the last of them. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly reason: DropReason;
}

/** Where a schedule goes on. */
export interface ScheduleMove {
  readonly dagKey: number;
  /** The slot where it was. */
  readonly from: number;
  /** Null: it will not fire again. */
  readonly to: number | null;
  /** When to look at that slot; null: at its time. */
  readonly lookAt: number | null;
  readonly backlogEnd: number | null;
  readonly dropped: readonly DroppedSlots[];
}

/** Where the schedules of definitions stand. */
export interface ScheduleStore {
  /** Active, unpaused schedules whose turn has come by the database clock, the one that waits longest first. */
  listDueSchedules(limit: number): Promise<readonly DueSchedule[]>;
  /**
   * Moves schedules on, with an event for what each left out; answers the keys of those that moved. One that was moved
   * meanwhile stays, and so do all when `epoch` no longer leads.
   */
  moveSchedules(moves: readonly ScheduleMove[], epoch: number): Promise<ReadonlySet<number>>;
  nextScheduleInMs(): Promise<number | null>;
  /** Runs of a DAG that go on, without backfills, oldest first: their keys. */
  listActiveRuns(dagKey: number, limit: number): Promise<readonly number[]>;
  /**
   * Pauses a DAG whose last `count` scheduled runs have all failed since it was last resumed, for the leader alone;
   * whether it did.
   */
  pauseAfterFailures(options: { dagKey: number; count: number; epoch: number }): Promise<boolean>;
}
