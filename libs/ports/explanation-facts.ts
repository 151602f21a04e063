import type { SlotNeed } from "#core/limits.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { RunState, TaskState } from "#core/states.ts";

/** What is asked about a run. */
export interface ExplainAbout {
  /** One instance, whether it has ended or not; null: those that have not ended or whose attempt is not gone. */
  readonly ordinal: number | null;
  /** Instances at most. */
  readonly limit: number;
  /** Of those that have not ended only these; absent: all. */
  readonly instanceIds?: readonly string[];
  /** Only what comes after it; absent: from the first on. What moves meanwhile may come again, or not at all. */
  readonly after?: ExplainPlace;
}

/** A place in the order of instances that have not ended: how far from running, and of those alike the ordinal. */
export interface ExplainPlace {
  readonly distance: number;
  readonly ordinal: number;
}

/** What tells why the instances of a run wait. Times in milliseconds since 1970 by the store's clock. */
export interface ExplanationFacts {
  readonly run: {
    readonly runId: string;
    readonly state: RunState;
    readonly isPaused: boolean;
    /** False: it waits for room in `needs`. */
    readonly isAdmitted: boolean;
    readonly needs: readonly SlotNeed[];
    readonly endedAt: number | null;
  };
  readonly now: number;
  /** Those that have not ended or whose attempt is not gone, what is nearest to running first. */
  readonly instances: readonly ExplainedInstance[];
  /** Number of all such instances of the run, from where was asked on. */
  readonly unfinishedCount: number;
  /** Where to go on; null: there are no more. */
  readonly next: ExplainPlace | null;
  /** Workers in service, by id. */
  readonly workers: readonly LiveWorker[];
  /** Queued instances of all runs, for the queues that `instances` name; beyond `mostQueuedTold` one more than that. */
  readonly queueDepths: ReadonlyMap<string, number>;
}

export interface ExplainedInstance {
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly itemKey: string | null;
  readonly state: TaskState;
  readonly reason: string | null;
  readonly tryNumber: number;
  readonly queue: string;
  readonly operatorType: string;
  /** Labels that its worker must have. */
  readonly labels: Readonly<Record<string, string>>;
  /** What its worker's host must be able to do. */
  readonly capabilities: readonly string[];
  /** What an attempt of it takes of its worker. */
  readonly requests: ResourceAmounts;
  /** Limits that an attempt of it needs room in. */
  readonly needs: readonly SlotNeed[];
  readonly dueAt: number | null;
  readonly waitsFor: string | null;
  readonly awaitsEvaluation: boolean;
  /** Its own attempt may be alive. */
  readonly isHeld: boolean;
  /** An attempt of another instance of the same task may be alive. */
  readonly isTaskHeld: boolean;
  /** Who has, or last had, its attempt. */
  readonly workerId: string | null;
  readonly startedAt: number | null;
  readonly itemsTotal: number;
  readonly itemsEnded: number;
  /** In the order of definition; none for an item of a fan-out. */
  readonly parents: readonly { readonly taskId: string; readonly state: TaskState }[];
}

export interface LiveWorker {
  readonly workerId: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly freeSlots: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Operator types that it runs; none: any. */
  readonly operators: readonly string[];
  /** What its host can do beyond running a process. */
  readonly capabilities: readonly string[];
  /** What its attempts may ask for together, and what of it is left. */
  readonly resources: ResourceAmounts;
  readonly room: ResourceAmounts;
  /** A queued instance that it keeps its room for, beginning nothing else that asks for resources; null: none. */
  readonly reservedFor: ReservedFor | null;
}

export interface ReservedFor {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly reservedAt: number;
}
