import { accept, type EventVerdict, refuse } from "./event-verdict.ts";
import { applyCancel } from "./outside-events.ts";
import type { Plan } from "./plan.ts";
import type { RunDraft } from "./run-draft.ts";

/** When a run that begins, or begins again, at `now` is late; null: never. */
export function deadlineOf(plan: Plan, now: number): number | null {
  return plan.deadline === undefined ? null : now + plan.deadline.afterMs;
}

/** The run has not ended in time: that is published once, and what goes on is cancelled where the definition says so. */
export function applyDeadline(draft: RunDraft): EventVerdict {
  const { deadline } = draft.plan;
  if (draft.deadlineAt === null) return refuse("nothing_to_do");
  if (draft.deadlineAt > draft.now) return refuse("not_due");
  draft.deadlineAt = null;
  draft.emit("dag_run.deadline_missed", null, deadline === undefined ? {} : { after_ms: deadline.afterMs });
  // Refused where everything has ended and is only being stopped.
  if (deadline?.action === "cancel") applyCancel(draft, { kind: "cancel", reason: "deadline" });
  return accept(null);
}
