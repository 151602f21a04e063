/** One start of the worker's session with the executors: a process has another one after each lost lease. */
export interface Incarnation {
  /** Ids of this start: `start.1`, then one more after each lost lease. */
  readonly start: string;
  readonly number: number;
  /** Those before it that an executor may know, oldest first; none once this one is welcomed. */
  readonly predecessors: readonly string[];
}

/** More starts in a row that nobody welcomed are not told of. */
const maxPredecessors = 16;

export function incarnationId({ start, number }: Incarnation): string {
  return `${start}.${number}`;
}

/** What the next start must know of this one. */
export function incarnationTrail(incarnation: Incarnation): readonly string[] {
  return [...incarnation.predecessors, incarnationId(incarnation)].slice(-maxPredecessors);
}
