import { LRUCache } from "lru-cache";
import type { Decision } from "#core/decision.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { ampleCache } from "./cache-limits.ts";

/**
 * Runs as this process last saw them. Never believed: every write is guarded by the run's sequence, and a refused one
 * reads what has changed since.
 */
export class RunCache {
  readonly #runs: LRUCache<number, RunAggregate>;

  /** `maxInstances` of all runs together; a run that is larger by itself is kept alone. */
  constructor(maxInstances: number = ampleCache.instances) {
    this.#runs = new LRUCache({
      maxSize: maxInstances,
      sizeCalculation: (aggregate) => Math.min(aggregate.instances.length + 1, maxInstances),
    });
  }

  get(runKey: number): RunAggregate | undefined {
    return this.#runs.get(runKey);
  }

  /** Runs that ended leave: nothing more happens to them but a rerun. */
  put(aggregate: RunAggregate): void {
    if (aggregate.run.endedAt === null) this.#runs.set(aggregate.run.runKey, aggregate);
    else this.#runs.delete(aggregate.run.runKey);
  }

  drop(runKey: number): void {
    this.#runs.delete(runKey);
  }
}

/** The run after a decision was written. */
export function applyDecision(before: RunAggregate, decision: Decision): RunAggregate {
  return mergeInstances(
    before,
    decision.run,
    decision.plan,
    decision.instances.map((change) => change.next),
  );
}

export function mergeInstances(
  before: RunAggregate,
  run: RunAggregate["run"],
  plan: RunAggregate["plan"],
  changed: readonly Instance[],
): RunAggregate {
  const instances = before.instances.slice();
  for (const instance of changed) instances[instance.ordinal] = instance;
  return { run, instances, plan };
}
