import { AppError } from "#errors/app-error.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Aged, RetentionStore } from "#ports/retention-store.ts";

/** Runs looked at with one statement, and rows removed with one: it holds its runs for as long as that takes. */
const runsPerPage = 200;
const rowsPerBatch = 1000;
const filesPerPage = 100;
/** A store that fails so often one after the other is away: the next round tries again. */
const maxFailuresInARow = 3;
/** A file that can't be removed is out of the way of the others for so long. */
const postponedMs = 3_600_000;

interface Round {
  readonly retention: RetentionStore;
  /** False: somebody else does it from now on, or this process ends. */
  readonly mayGoOn: () => Promise<boolean>;
  /** Aborted when this process ends. */
  readonly signal: AbortSignal;
}

/** Removes what the runs of one kind have left for too long; answers the number of rows. */
export async function removeAged(round: Round, aged: Aged): Promise<number> {
  let count = 0;
  let afterKey: number | null = 0;
  while (afterKey !== null && (await round.mayGoOn())) {
    const page = await round.retention.listAged(aged, { afterKey, limit: runsPerPage });
    count += await removeFrom(round, aged, page.runKeys);
    afterKey = page.nextKey;
  }
  return count;
}

async function removeFrom({ retention, mayGoOn }: Round, aged: Aged, runKeys: readonly number[]): Promise<number> {
  let count = 0;
  let removed = rowsPerBatch;
  while (runKeys.length > 0 && removed === rowsPerBatch) {
    removed = await retention.remove(aged, { runKeys, limit: rowsPerBatch });
    count += removed;
    if (removed === rowsPerBatch && !(await mayGoOn())) return count;
  }
  return count;
}

/**
 * Removes files that no artifact names. A place is forgotten only when the file is gone, so that a process that dies in
 * between leaves it to the next round; one that can't be removed is left to a later one. Rejects when the store is away.
 */
export async function removeUnlistedFiles(round: Round, artifacts: ArtifactStore): Promise<number> {
  let count = 0;
  let after: string | null = "";
  while (after !== null && (await round.mayGoOn())) {
    const locations: readonly string[] = await round.retention.listUnlistedFiles(after, filesPerPage);
    const { gone, failed, failure } = await removeFiles(artifacts, locations, round.signal);
    await round.retention.forgetFiles(gone);
    await round.retention.postponeFiles(failed, postponedMs);
    if (failure !== null) throw failure;
    count += gone.length;
    after = locations.length < filesPerPage ? null : (locations.at(-1) ?? null);
  }
  return count;
}

interface Removed {
  readonly gone: readonly string[];
  readonly failed: readonly string[];
  /** Not null: the store is away. */
  readonly failure: AppError | null;
}

/** One file that can't be removed keeps nobody from the others. */
async function removeFiles(
  artifacts: ArtifactStore,
  locations: readonly string[],
  signal: AbortSignal,
): Promise<Removed> {
  const gone: string[] = [];
  const failed: string[] = [];
  let failures = 0;
  for (const location of locations) {
    if (signal.aborted) break;
    try {
      await artifacts.remove(location);
      gone.push(location);
      failures = 0;
    } catch (error) {
      failed.push(location);
      failures += 1;
      if (failures === maxFailuresInARow) return { gone, failed, failure: AppError.from(error) };
    }
  }
  return { gone, failed, failure: null };
}
