import type { ClosedAttempt, RunnerAttemptHandle } from "#runner/runner-attempt-handle.ts";
import { keepArtifacts } from "./artifact-keeping.ts";

/**
 * What an attempt has left when its operator has returned, its artifacts stored. Where the runner has told all of it with
 * the end of the last process, nothing is stored and nobody waits until its folders are gone.
 */
export async function takeRemains(
  handle: RunnerAttemptHandle,
  keeping: Parameters<typeof keepArtifacts>[1],
): Promise<ClosedAttempt> {
  const { left } = handle;
  if (left === null) {
    await keepArtifacts(handle.directories.artifacts, keeping);
    return handle.close();
  }
  void handle.close();
  return left;
}
