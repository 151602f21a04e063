import { AppError } from "#errors/app-error.ts";
import { type ApprovalAnswer, approvalDetails, outcomeOfAnswer } from "./approval-outcome.ts";
import type { WaitDeps } from "./wait-deps.ts";

/**
 * Answers an approval once, after COMMIT. Throws TASK_INSTANCE_NOT_FOUND, APPROVAL_NOT_WAITING (also for a second answer
 * and for one that comes too late), and INVALID_ANSWERS, which names each field and rule.
 */
export async function answerApproval(
  deps: Pick<WaitDeps, "store" | "submit" | "clock">,
  instanceId: string,
  answer: ApprovalAnswer,
): Promise<void> {
  const { store, submit } = deps;
  const approval = await store.waits.getApproval(instanceId);
  if (approval === null) throw await refusal(deps, instanceId);
  const { runKey, ordinal, fence } = approval;
  const outcome = outcomeOfAnswer(deps, approvalDetails(approval), answer);
  const result = await submit({ runKey, event: { kind: "answered", ordinal, fence, outcome }, freesSlotOf: null });
  if (result.kind === "missing" || !result.verdict.accepted) throw await refusal(deps, instanceId);
}

async function refusal({ store }: Pick<WaitDeps, "store">, instanceId: string): Promise<AppError> {
  const view = await store.queries.getInstance(instanceId);
  const details = { task_instance_id: instanceId };
  if (view === null) {
    return new AppError("TASK_INSTANCE_NOT_FOUND", `there is no task instance ${instanceId}`, { details });
  }
  const what = view.operatorType === "approval" ? `is ${view.state}` : `is no approval but a ${view.operatorType} task`;
  return new AppError("APPROVAL_NOT_WAITING", `task instance ${instanceId} ${what}: it waits for no answer`, {
    details,
  });
}
