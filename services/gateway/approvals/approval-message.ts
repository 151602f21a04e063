import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { formatInstanceId } from "#core/instance-id.ts";
import type { Definition } from "#definition/model.ts";
import type { ApprovalSchema } from "#gen/millrace/v1/approval_service_pb.js";
import type { ApprovalView } from "#ports/wait-store.ts";
import { toParametersJson } from "../dags/dag-message.ts";
import { timeOrAbsent } from "../optional-fields.ts";

/** What an executor stored of the question. */
interface StoredQuestion {
  readonly question: string;
  readonly form: Definition["parameters"];
  readonly assignees: readonly string[];
  readonly timeoutMs: number | null;
  readonly onTimeout: string;
}

/** A question as the API shows it. */
export function toApprovalMessage(view: ApprovalView): MessageInitShape<typeof ApprovalSchema> {
  const { question, form, assignees, timeoutMs, onTimeout } = view.details as unknown as StoredQuestion;
  return {
    taskInstanceId: formatInstanceId(view.runId, view.taskId, view.itemKey),
    dagRunId: view.runId,
    dagId: view.dagId,
    taskId: view.taskId,
    mapIndex: view.mapIndex ?? undefined,
    question,
    form: toParametersJson(form),
    assignees: [...assignees],
    waitingSince: timestampFromMs(view.startedAt),
    dueAt: timeOrAbsent(timeoutMs === null ? null : view.startedAt + timeoutMs),
    onTimeout: timeoutMs === null ? "" : onTimeout,
  };
}
