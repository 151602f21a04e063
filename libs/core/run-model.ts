import type { Plan } from "./plan.ts";
import type { RunState, TaskState } from "./states.ts";

/** Times are milliseconds since 1970 by the store's clock. Null: it has not happened. */
type At = number | null;

/** One task of a run (`mapIndex` null), or one item of a fan-out. Rows are never changed in place. */
export interface Instance {
  /** Place in the run, for good: tasks first, in the order of the first plan, then items and tasks of later versions as they came. */
  readonly ordinal: number;
  /** Index of the task in the plan: the ordinal too, unless a rerun changed the version. */
  readonly task: number;
  readonly mapIndex: number | null;
  readonly itemKey: string | null;
  readonly state: TaskState;
  /** A code, where the state alone does not tell: `timed_out`, `cancelled`, `manual`, `empty_for_each`, … */
  readonly reason: string | null;
  /** One life of the instance; a rerun begins the next. From 1. */
  readonly generation: number;
  /** Grows at claim, requeue, reap and when it is ended from outside; a write with an older fence is refused. */
  readonly fence: number;
  /** Attempts of this generation so far; 0 before the first claim. */
  readonly tryNumber: number;
  /** Attempts that used the allowance for lost workers. */
  readonly infraTries: number;
  /** Attempts that cost nothing: drain, rebalance. */
  readonly freeTries: number;
  /** Parents that have not ended. */
  readonly inDegree: number;
  /** Parents' ends by kind, as the edges map them. */
  readonly parents: ParentCounts;
  /** The failures among the parents that don't fail the run. */
  readonly exemptParents: number;
  /** Its own failure, or upstream_failed, does not fail the run. */
  readonly exempt: boolean;
  /** Its attempt of this fence or an older one may still be alive: slots stay held, no new attempt starts. */
  readonly held: boolean;
  /** The fence of the attempt that is held; 0 when none is. */
  readonly heldFence: number;
  /** The rule holds but `when`, `for_each` or `pool` has not been looked at. */
  readonly awaitsEvaluation: boolean;
  /** Not to be dispatched before: a retry's delay or a deferral. */
  readonly dueAt: At;
  /** What a deferral waits for; null when only time. */
  readonly waitsFor: string | null;
  readonly queuedAt: At;
  /** Start of the first attempt of this generation. */
  readonly firstStartedAt: At;
  readonly startedAt: At;
  readonly endedAt: At;
  /** Row key of the worker incarnation that has, or last had, the attempt. */
  readonly workerKey: number | null;
  /** Text of the last failure; stays after a retry succeeds. */
  readonly lastError: string | null;
  /** Items of a fan-out group: all, and those that ended, failed for good. Zero elsewhere. */
  readonly itemsTotal: number;
  readonly itemsEnded: number;
  readonly itemsFailed: number;
}

export interface ParentCounts {
  readonly success: number;
  readonly failed: number;
  readonly upstreamFailed: number;
  readonly skipped: number;
}

/** Number of instances by state; items of a fan-out are not counted, their group is. */
export type StateCounts = Readonly<Record<TaskState, number>>;

export interface RunRow {
  readonly runKey: number;
  readonly runId: string;
  readonly dagKey: number;
  readonly dagId: string;
  readonly versionKey: number;
  /** Raised when a rerun changes version or parameters: what is remembered of them holds for one revision. */
  readonly revision: number;
  /** Ids of tasks that the version no longer has; their places in the plan are behind its own. */
  readonly removedTasks: readonly string[];
  readonly state: RunState;
  /** Raised by every change of the run or its instances: the guard of each write. */
  readonly sequence: number;
  /** Number of the last event of this run. */
  readonly eventSequence: number;
  readonly counts: StateCounts;
  /** Failed and upstream_failed instances that don't fail the run. */
  readonly exemptCount: number;
  /** Instances, items included, whose attempt may be alive. */
  readonly heldCount: number;
  /** Something of it was claimed once. */
  readonly everStarted: boolean;
  readonly cancelRequested: boolean;
  readonly isPaused: boolean;
  /** It has room in the limits of its DAG; until then nothing of it is queued. */
  readonly isAdmitted: boolean;
  /** Runs of one key share a limit; null: it has none. */
  readonly concurrencyKey: string | null;
  /** Another run has taken its date, or it was put away: nobody may change it any more. */
  readonly isArchived: boolean;
  readonly logicalAt: number;
  readonly queuedAt: number;
  readonly startedAt: At;
  /** The run has ended when this is set. */
  readonly endedAt: At;
  /** When the run as a whole times out. */
  readonly timeoutAt: At;
  /** When the run is late; null: never, or that has been published. */
  readonly deadlineAt: At;
}

/** A run with all its instances, by ordinal, and the plan of its version. */
export interface RunAggregate {
  readonly run: RunRow;
  readonly instances: readonly Instance[];
  readonly plan: Plan;
}
