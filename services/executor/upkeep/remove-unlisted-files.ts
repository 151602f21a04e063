import type { CircuitBreaker } from "#breakers/circuit-breaker.ts";
import { describeError } from "#errors/app-error.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { FailedFile, UnlistedFile } from "#ports/retention-store.ts";
import type { RetentionRound } from "./remove-aged.ts";

const filesPerPage = 100;
/** After so many failures one after the other, or a page of nothing else, the store is asked whether it removes anything. */
const failuresPerProbe = 3;
/** No file is ever there: a store that does not "remove" it removes nothing. */
const probeLocation = "no-file";
/** A file that the store did not remove is tried again after this, then after twice as long each time, up to the most. */
const retryMs = { first: 600_000, most: 86_400_000 };
const maxReasonLength = 300;

/** A store, and what is open while it removes nothing. */
export interface RemovalStore {
  readonly artifacts: ArtifactStore;
  readonly breaker: CircuitBreaker;
}

/**
 * Removes files that no artifact names, those first that have been due for the longest. A place is forgotten only when the
 * file is gone, so that a process that dies in between leaves it to the next round. One that the store does not remove is
 * put off by itself, however many there are, and holds up no other. A store that removes nothing is left alone, and tried
 * when the time of its breaker is over, with one file and what shows whether it is that file alone. Answers how many are
 * gone.
 */
export async function removeUnlistedFiles(round: RetentionRound, store: RemovalStore): Promise<number> {
  const first = await removeFirst(round, store);
  let count = first ?? 0;
  let isOver = first === null;
  while (!isOver && (await round.mayGoOn())) {
    const files = await round.retention.listUnlistedFiles(filesPerPage);
    const { gone, failed, isAway } = await removeFiles(round, store, files);
    await round.retention.forgetFiles(gone);
    await round.retention.postponeFiles(failed);
    count += gone.length;
    isOver = isAway || files.length < filesPerPage;
  }
  return count;
}

/** One file shows whether a store that removed nothing does so again, or, where it fails, a place of none. Null: it does not. */
async function removeFirst(
  { retention }: RetentionRound,
  { artifacts, breaker }: RemovalStore,
): Promise<number | null> {
  if (breaker.status.state === "closed") return 0;
  const [file] = await retention.listUnlistedFiles(1);
  let isGone = false;
  const failed: FailedFile[] = [];
  const remove = async (): Promise<void> => {
    const failure = file === undefined ? null : await attempt(artifacts, file.location);
    isGone = file !== undefined && failure === null;
    if (file !== undefined && failure !== null) failed.push(toFailed(file, failure.error));
    if (!isGone) await artifacts.remove(probeLocation);
  };
  const isAway = await breaker.run(remove).then(
    () => false,
    () => true,
  );
  // Also where the store is still away: it may be the file alone, and the next try takes another.
  await retention.postponeFiles(failed);
  if (file !== undefined && isGone) await retention.forgetFiles([file.location]);
  return isAway ? null : Number(isGone);
}

interface Removed {
  readonly gone: readonly string[];
  readonly failed: readonly FailedFile[];
  /** The others were not tried. */
  readonly isAway: boolean;
}

async function removeFiles(
  { signal, mayGoOn }: RetentionRound,
  { artifacts, breaker }: RemovalStore,
  files: readonly UnlistedFile[],
): Promise<Removed> {
  const gone: string[] = [];
  const failed: FailedFile[] = [];
  let failuresInARow = 0;
  for (const file of files) {
    if (signal.aborted) break;
    const failure = await attempt(artifacts, file.location);
    if (failure === null) {
      gone.push(file.location);
      failuresInARow = 0;
      continue;
    }
    failed.push(toFailed(file, failure.error));
    failuresInARow += 1;
    if (failuresInARow % failuresPerProbe > 0) continue;
    const isAway = !(await removesAnything({ artifacts, breaker }));
    // Failures may be slow: whoever took over meanwhile goes on with the rest.
    if (isAway || !(await mayGoOn())) return { gone, failed, isAway };
  }
  // Too few in a row to have asked, and none that tells that the store is well.
  const isUnsure = failed.length > 0 && failed.length < failuresPerProbe && gone.length === 0 && !signal.aborted;
  return { gone, failed, isAway: isUnsure && !(await removesAnything({ artifacts, breaker })) };
}

function removesAnything({ artifacts, breaker }: RemovalStore): Promise<boolean> {
  return breaker
    .run(() => artifacts.remove(probeLocation))
    .then(
      () => true,
      () => false,
    );
}

/** Null: nothing is there any more. */
async function attempt(artifacts: ArtifactStore, location: string): Promise<{ readonly error: unknown } | null> {
  try {
    await artifacts.remove(location);
    return null;
  } catch (error) {
    return { error };
  }
}

function toFailed({ location, failureCount }: UnlistedFile, error: unknown): FailedFile {
  const dueInMs = Math.min(retryMs.most, retryMs.first * 2 ** failureCount);
  return { location, reason: describeError(error).replaceAll("\0", "").slice(0, maxReasonLength), dueInMs };
}
