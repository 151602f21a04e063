import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { ApprovalDecision, type ApprovalService } from "#gen/millrace/v1/approval_service_pb.js";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { Queries } from "#ports/queries.ts";
import type { WaitStore } from "#ports/wait-store.ts";
import { toApprovalMessage } from "./approval-message.ts";
import { anonymousCaller, forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";

/** Longer comments are refused: they become an output. */
const maxCommentLength = 10_000;

export interface ApprovalServiceDeps {
  readonly waits: WaitStore;
  readonly queries: Queries;
  readonly executor: Transport;
}

/** Handles ApprovalService: reads from the store, answers through an executor. */
export function createApprovalService(deps: ApprovalServiceDeps): ServiceImpl<typeof ApprovalService> {
  const executor = createClient(ExecutorService, deps.executor);
  return {
    async listApprovals(request) {
      const page = readPage(request);
      const { dagId, assignee } = request;
      const filter = { dagId: dagId === "" ? null : dagId, assignee: assignee === "" ? null : assignee };
      const found = await deps.waits.listApprovals(page, filter);
      return {
        approvals: found.items.map(toApprovalMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getApproval({ taskInstanceId }) {
      const view = await deps.waits.getApproval(requireId(taskInstanceId));
      if (view === null) throw await notWaiting(deps.queries, taskInstanceId);
      return { approval: toApprovalMessage(view) };
    },

    async answerApproval({ taskInstanceId, decision, answers = {}, comment }, context) {
      requireId(taskInstanceId);
      if (decision === ApprovalDecision.UNSPECIFIED) throw invalidField("decision", "must be approve or reject");
      if (comment.length > maxCommentLength)
        throw invalidField("comment", `is longer than ${maxCommentLength} characters`);
      const answer = { taskInstanceId, decision, answers, comment, caller: anonymousCaller };
      await executor.answerApproval(answer, forwardOptions(context));
      return {};
    },
  };
}

function requireId(id: string): string {
  if (id === "") throw invalidField("task_instance_id", "is missing; name a task instance");
  return id;
}

async function notWaiting(queries: Queries, id: string): Promise<AppError> {
  const details = { task_instance_id: id };
  if ((await queries.getInstance(id)) === null)
    return new AppError("TASK_INSTANCE_NOT_FOUND", `no task instance ${id}`, { details });
  return new AppError("APPROVAL_NOT_WAITING", `task instance ${id} waits for no answer`, { details });
}
