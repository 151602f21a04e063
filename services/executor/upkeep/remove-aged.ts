import type { Aged, RetentionStore } from "#ports/retention-store.ts";

/** Runs looked at with one statement, and rows removed with one: it holds its runs for as long as that takes. */
const runsPerPage = 200;
const rowsPerBatch = 1000;

export interface RetentionRound {
  readonly retention: RetentionStore;
  /** False: somebody else does it from now on, or this process ends. */
  readonly mayGoOn: () => Promise<boolean>;
  /** Aborted when this process ends. */
  readonly signal: AbortSignal;
}

/** Removes what the runs of one kind have left for too long; answers the number of rows. */
export async function removeAged(round: RetentionRound, aged: Aged): Promise<number> {
  let count = 0;
  let afterKey: number | null = 0;
  while (afterKey !== null && (await round.mayGoOn())) {
    const page = await round.retention.listAged(aged, { afterKey, limit: runsPerPage });
    count += await removeFrom(round, aged, page.runKeys);
    afterKey = page.nextKey;
  }
  return count;
}

async function removeFrom(
  { retention, mayGoOn }: RetentionRound,
  aged: Aged,
  runKeys: readonly number[],
): Promise<number> {
  let count = 0;
  let removed = rowsPerBatch;
  while (runKeys.length > 0 && removed === rowsPerBatch) {
    removed = await retention.remove(aged, { runKeys, limit: rowsPerBatch });
    count += removed;
    if (removed === rowsPerBatch && !(await mayGoOn())) return count;
  }
  return count;
}
