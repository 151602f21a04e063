import { type AttemptRef, type AttemptReport, keyOf } from "./attempt.ts";

/** Keeps outcomes until they are acknowledged. */
export interface OutcomeSpool {
  /** What is kept, of earlier starts too. */
  list(): readonly SpooledOutcome[];
  put(outcome: SpooledOutcome): void;
  remove(key: string): void;
}

export interface SpooledOutcome {
  readonly key: string;
  readonly ref: AttemptRef;
  readonly report: AttemptReport;
}

/** In memory: outcomes survive a lost session, not the end of the process. */
export function createMemorySpool(): OutcomeSpool {
  const outcomes = new Map<string, SpooledOutcome>();
  return {
    list: () => [...outcomes.values()],
    put: (outcome) => void outcomes.set(keyOf(outcome.ref), outcome),
    remove: (key) => void outcomes.delete(key),
  };
}
