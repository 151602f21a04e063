import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { ApprovalDecision } from "#gen/millrace/v1/approval_service_pb.js";
import {
  ExecutorServiceAnswerApprovalResponseSchema,
  type ExecutorService,
} from "#gen/millrace/v1/executor_service_pb.js";
import { answerApproval } from "./answer-approval.ts";
import type { WaitDeps } from "./wait-deps.ts";

/** Answers of people; each is acknowledged after its commit. */
export function createApprovalHandler(
  deps: Pick<WaitDeps, "store" | "submit" | "clock">,
): Pick<ServiceImpl<typeof ExecutorService>, "answerApproval"> {
  return {
    async answerApproval({ taskInstanceId, decision, answers = {}, comment, caller: by }) {
      await answerApproval(deps, taskInstanceId, { decision: readDecision(decision), answers, comment, by });
      return create(ExecutorServiceAnswerApprovalResponseSchema);
    },
  };
}

function readDecision(decision: ApprovalDecision): "approve" | "reject" {
  if (decision === ApprovalDecision.APPROVE) return "approve";
  if (decision === ApprovalDecision.REJECT) return "reject";
  throw new AppError("INVALID_ARGUMENT", "decision must be approve or reject", { details: { field: "decision" } });
}
