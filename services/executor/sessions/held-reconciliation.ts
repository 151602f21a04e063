import { type AttemptRef, Verdict } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { HeldAttempt as HeldRow } from "#ports/run-store.ts";
import { attemptId } from "./attempt-ref.ts";

/** What the database says a worker has, held against what the worker says. */
export interface HeldReconciliation {
  /** One for each attempt that the worker named, in its order. */
  readonly verdicts: readonly { readonly ref: AttemptRef; readonly verdict: Verdict; readonly row: HeldRow | null }[];
  /** The worker's, but it never got them: send them again. */
  readonly resend: readonly HeldRow[];
  /** Ended from outside, and the worker has nothing of them: free their slots. */
  readonly release: readonly HeldRow[];
}

/** Rows are the attempts that this worker's incarnation holds; `named` what it runs or has an outcome of. */
export function reconcileHeld(rows: readonly HeldRow[], named: readonly AttemptRef[]): HeldReconciliation {
  const byId = new Map(rows.map((row) => [rowId(row), row]));
  const verdicts = named.map((ref) => {
    const row = byId.get(attemptId(ref)) ?? null;
    byId.delete(attemptId(ref));
    return { ref, verdict: row === null ? Verdict.SETTLED : Verdict.KEEP, row };
  });
  const left = [...byId.values()];
  return { verdicts, resend: left.filter((row) => row.isRunning), release: left.filter((row) => !row.isRunning) };
}

function rowId(row: HeldRow): string {
  return attemptId({
    dagRunId: row.runId,
    taskId: row.taskId,
    ...(row.mapIndex === null ? {} : { mapIndex: row.mapIndex }),
    fence: BigInt(row.fence),
  });
}
