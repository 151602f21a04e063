import { simulate, type SimulationResult } from "./simulate.ts";

export interface SearchResult {
  readonly seeds: number;
  readonly attempts: number;
  readonly transactions: number;
  readonly elapsedMs: number;
  /** The first seeds that failed. */
  readonly failures: SimulationResult[];
}

const maxFailures = 5;

/** Runs seeds one after the other from `first`, until one of the limits or `maxFailures`. */
export async function search(options: {
  readonly first: number;
  readonly maxSeeds: number;
  readonly maxMs?: number;
  readonly taskCount?: number;
  /** Called with the number of seeds so far, about once a second. */
  readonly progress?: (seeds: number) => void;
}): Promise<SearchResult> {
  const { first, maxSeeds, maxMs = Number.POSITIVE_INFINITY, progress } = options;
  const startedAt = performance.now();
  const sum = { seeds: 0, attempts: 0, transactions: 0 };
  const failures: SimulationResult[] = [];
  let toldAt = startedAt;
  // A refusal is an ordinary thing here, and nobody reads where it was made.
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  for (
    ;
    sum.seeds < maxSeeds && performance.now() - startedAt < maxMs && failures.length < maxFailures;
    sum.seeds += 1
  ) {
    const { taskCount } = options;
    const result = await simulate({ seed: first + sum.seeds, ...(taskCount === undefined ? {} : { taskCount }) });
    sum.attempts += result.attempts;
    sum.transactions += result.transactions;
    if (result.violations.length > 0) failures.push(result);
    if (performance.now() - toldAt < 1000) continue;
    toldAt = performance.now();
    progress?.(sum.seeds);
  }
  Error.stackTraceLimit = stackTraceLimit;
  return { ...sum, elapsedMs: performance.now() - startedAt, failures };
}
