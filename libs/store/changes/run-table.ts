import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { NewLogChunk } from "#ports/log-store.ts";

/** What a decision needs beside itself to be written. */
export interface DecidedRun {
  readonly before: RunAggregate;
  readonly decision: Decision;
  /** Answers to requests that are written with it. */
  readonly answers?: readonly KeptAnswer[];
  /** Short logs that are written with it. */
  readonly logs?: readonly NewLogChunk[];
}

export interface WrittenRuns {
  readonly written: ReadonlySet<number>;
  /** Left as they were, since a limit had no room for them. */
  readonly lackingRoom: ReadonlySet<number>;
}

/** Where runs lie, as `changeRuns` needs it. */
export interface RunTable {
  /** The present state of runs; `known` may spare it reading what has not changed. Unknown keys are left out. */
  load(
    runKeys: readonly number[],
    known: (runKey: number) => RunAggregate | undefined,
  ): Promise<ReadonlyMap<number, RunAggregate>>;
  /**
   * Writes decisions in one transaction and answers the runs that it wrote: those whose sequence is still the expected
   * one and that nobody else is writing. A guard of an instance that does not hold ends the whole transaction with an
   * error, as does an answer whose request has one already. Rejected otherwise: it is unknown whether it was written.
   */
  write(decided: readonly DecidedRun[]): Promise<WrittenRuns>;
}
