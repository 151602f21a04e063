import type { AttemptOutcome } from "#core/run-event.ts";
import { checkAnswers } from "#definition/rendering/form-answers.ts";
import type { JsonObject } from "#definition/model.ts";
import type { OpenWait } from "#ports/wait-store.ts";
import { formatDuration } from "#schedule/duration.ts";
import { failWith, lookAgain, succeed, type WaitDeps } from "./wait-deps.ts";
import type { ApprovalDetails } from "./wait-plan.ts";

/** What somebody has decided. */
export interface ApprovalAnswer {
  readonly decision: "approve" | "reject";
  readonly answers: JsonObject;
  readonly comment: string;
  readonly by: string;
}

/** Who has decided where nobody did in time. */
const timeoutName = "timeout";

export function approvalDetails({ details }: Pick<OpenWait, "details">): ApprovalDetails {
  // It was checked before it was stored.
  return details as unknown as ApprovalDetails;
}

/** What an answer comes to. Throws INVALID_ANSWERS; a rejection needs no answers, but those that it has must fit. */
export function outcomeOfAnswer(
  deps: Pick<WaitDeps, "clock" | "store">,
  details: ApprovalDetails,
  { decision, answers, comment, by }: ApprovalAnswer,
): AttemptOutcome {
  const form = decision === "approve" ? details.form : withoutRequired(details.form);
  const outputs = {
    ...checkAnswers(form, answers),
    decision,
    comment,
    answered_by: by,
    answered_at: new Date(deps.store.now()).toISOString(),
  };
  if (decision === "approve" || details.onReject === "continue") return succeed(outputs);
  if (details.onReject === "skip") return { kind: "skipped" };
  const message = `rejected by ${by}${comment === "" ? "" : `: ${comment}`}`;
  return failWith(deps, { code: "rejected", message, retryable: false, outputs });
}

/** An approval ends by its answer; what is looked for here is only whether it has waited too long. */
export async function lookAtApproval(deps: WaitDeps, wait: OpenWait): Promise<AttemptOutcome> {
  const details = approvalDetails(wait);
  const { timeoutMs, onTimeout } = details;
  if (timeoutMs === null) return lookAgain(null);
  const endAt = wait.startedAt + timeoutMs;
  if (endAt > deps.store.now()) return lookAgain(endAt);
  const comment = `nobody answered within ${formatDuration(timeoutMs)}`;
  switch (onTimeout) {
    case "skip":
      return { kind: "skipped" };
    case "fail":
      return failWith(deps, { code: "timeout", message: comment, retryable: false });
    case "approve":
    case "reject":
      return outcomeOfAnswer(deps, details, { decision: onTimeout, answers: {}, comment, by: timeoutName });
  }
}

function withoutRequired(form: ApprovalDetails["form"]): ApprovalDetails["form"] {
  return Object.fromEntries(Object.entries(form).map(([name, field]) => [name, { ...field, required: false }]));
}
