import type { RunEvent } from "#core/run-event.ts";
import type { DueInstance } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

const maxDuePerRound = 500;

/** Turns what is due by the database clock into events, and answers when the next thing is due. */
export async function processDue(
  store: Store,
  submit: (submission: Submission) => Promise<SubmissionResult>,
): Promise<number | null> {
  const due = await store.runs.listDue(maxDuePerRound);
  await Promise.all(due.map((item) => submit({ runKey: item.runKey, event: toEvent(item), freesSlotOf: null })));
  if (due.length >= maxDuePerRound) return 0;
  return store.runs.nextDueInMs();
}

function toEvent({ ordinal, fence, what }: DueInstance): RunEvent {
  if (what === "deadline") return { kind: "deadline" };
  if (ordinal === null || what === "run_timeout") return { kind: "run_timeout" };
  return what === "retry"
    ? { kind: "retry_due", ordinal, fence }
    : { kind: "instance_timeout", ordinal, fence, which: what };
}
