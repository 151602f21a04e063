import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { Page, PageRequest } from "./queries.ts";

/** What a worker is worth to a dispatcher. `lost` and `stopped` are the ends of an incarnation. */
export const workerStatuses = ["starting", "healthy", "degraded", "draining", "recovering", "lost", "stopped"] as const;

export type WorkerStatus = (typeof workerStatuses)[number];

/** Shares of a machine in use, 0 to 100. */
export interface ResourceUsage {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  /** Of the file system that holds the worker's data directory. */
  readonly diskPercent: number;
}

/** One start of a worker. */
export interface WorkerView {
  readonly workerKey: number;
  readonly workerId: string;
  readonly incarnation: string;
  readonly status: WorkerStatus;
  /** Why it takes no new work, as it said with its last heartbeat; empty when healthy. */
  readonly statusReason: string;
  readonly hostname: string;
  readonly version: string;
  readonly executorId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Operator types that it runs. */
  readonly capabilities: readonly string[];
  /** What its host can do beyond running a process. */
  readonly hostCapabilities: readonly string[];
  readonly queues: readonly string[];
  readonly slots: number;
  readonly freeSlots: number;
  /** What its attempts may ask for together, and what of it those that it has leave. */
  readonly resources: ResourceAmounts;
  readonly room: ResourceAmounts;
  /** Null: it does not tell. */
  readonly usage: ResourceUsage | null;
  /** Null: nobody asked it to drain. */
  readonly drainReason: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly lastBeatAt: number;
  readonly lastTaskAt: number | null;
  readonly succeededCount: number;
  readonly failedCount: number;
}

/** An attempt that a worker has. */
export interface ActiveTask {
  readonly workerKey: number;
  readonly runId: string;
  readonly dagId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly itemKey: string | null;
  readonly tryNumber: number;
  readonly startedAt: number | null;
}

/** What the starts of one worker that are still known did together. */
export interface WorkerTotals {
  readonly workerId: string;
  readonly incarnations: number;
  /** Starts that ended without signing off. */
  readonly losses: number;
  readonly succeededCount: number;
  readonly failedCount: number;
  readonly lastTaskAt: number | null;
}

/** A queue that something waits in, or that a living worker serves. */
export interface QueueView {
  readonly queue: string;
  /** Instances that wait for a worker; `mostQueuedTold` at most. */
  readonly depth: number;
  /** More wait than `depth` says. */
  readonly hasMore: boolean;
  /** When the one that waits longest was queued. */
  readonly oldestAt: number | null;
  /** Living workers that take from it, and what they have; a worker's slots count for each of its queues. */
  readonly workers: number;
  readonly slots: number;
  readonly freeSlots: number;
}

/** Reads of workers and queues for people. */
export interface WorkerQueries {
  /**
   * Workers in these states, by id: the newest incarnation of each. Without states those in service, and for an hour those
   * that were lost and did not come back.
   */
  listWorkers(page: PageRequest, filter: { states: readonly WorkerStatus[] }): Promise<Page<WorkerView>>;
  /** Its incarnations, newest first. */
  listIncarnations(workerId: string, limit: number): Promise<readonly WorkerView[]>;
  listActiveTasks(workerKeys: readonly number[], limit: number): Promise<readonly ActiveTask[]>;
  /** By id; a page of it. */
  listWorkerTotals(page: PageRequest): Promise<Page<WorkerTotals>>;
  listQueues(): Promise<readonly QueueView[]>;
  /** Workers in service. */
  countWorkers(): Promise<number>;
}
