/** How much of what it has seen a process keeps in memory, beside the database. */
export interface CacheLimits {
  /** Instances of all runs together; 100,000 are about 30 MB. */
  readonly instances: number;
  /** Tasks of all plans together; 100,000 are about 20 MB. */
  readonly tasks: number;
}

/** For a process that advances runs: what waits in the queues is what it needs next. */
export const ampleCache: CacheLimits = { instances: 150_000, tasks: 150_000 };

/** For one that makes runs, or only looks at them, and seldom meets the same one again. */
export const slimCache: CacheLimits = { instances: 10_000, tasks: 20_000 };
