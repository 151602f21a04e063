import type { PlannedClaim } from "#ports/executor-backend.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

/**
 * Claims an instance for a worker, whose slot is taken meanwhile; the assignment follows the commit, on its session.
 * Null: the worker has gone.
 */
export async function pushClaim(
  {
    sessions,
    submit,
  }: {
    readonly sessions: SessionRegistry;
    readonly submit: (submission: Submission) => Promise<SubmissionResult>;
  },
  { workerKey, instance }: PlannedClaim,
): Promise<SubmissionResult | null> {
  const session = sessions.get(workerKey);
  if (session === undefined) return null;
  const { runKey, ordinal, generation, tryNumber, requests } = instance;
  session.reserve(1, requests);
  try {
    return await submit({
      runKey,
      event: { kind: "claim", ordinal, generation, tryNumber, workerKey },
      freesSlotOf: null,
    });
  } finally {
    session.unreserve(1, requests);
  }
}
