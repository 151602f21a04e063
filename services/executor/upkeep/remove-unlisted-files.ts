import { describeError } from "#errors/app-error.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { FailedFile, UnlistedFile } from "#ports/retention-store.ts";
import type { RetentionRound } from "./remove-aged.ts";

const filesPerPage = 100;
/** After so many failures one after the other the store is asked whether it removes anything. */
const failuresPerProbe = 3;
/** No file is ever there: a store that does not "remove" it is away. */
const probeLocation = "no-file";
/** A file that the store did not remove is tried again after this, then after twice as long each time, up to the most. */
const retryMs = { first: 600_000, most: 86_400_000 };
const maxReasonLength = 300;

/**
 * Removes files that no artifact names, those first that have been due for the longest. A place is forgotten only when the
 * file is gone, so that a process that dies in between leaves it to the next round. One that the store does not remove is
 * put off by itself, however many there are, and holds up no other. Rejects when the store is away.
 */
export async function removeUnlistedFiles(round: RetentionRound, artifacts: ArtifactStore): Promise<number> {
  let count = 0;
  let isLast = false;
  while (!isLast && (await round.mayGoOn())) {
    const files = await round.retention.listUnlistedFiles(filesPerPage);
    const { gone, failed, away } = await removeFiles(round, artifacts, files);
    await round.retention.forgetFiles(gone);
    await round.retention.postponeFiles(failed);
    if (away !== null) throw away.error;
    count += gone.length;
    isLast = files.length < filesPerPage;
  }
  return count;
}

interface Removed {
  readonly gone: readonly string[];
  readonly failed: readonly FailedFile[];
  /** What the store said when it was asked; null: it is there. */
  readonly away: { readonly error: unknown } | null;
}

async function removeFiles(
  { signal, mayGoOn }: RetentionRound,
  artifacts: ArtifactStore,
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
    const away = await attempt(artifacts, probeLocation);
    // Failures may be slow: whoever took over meanwhile goes on with the rest.
    if (away !== null || !(await mayGoOn())) return { gone, failed, away };
  }
  return { gone, failed, away: null };
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
