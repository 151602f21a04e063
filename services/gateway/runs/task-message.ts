import type { MessageInitShape } from "@bufbuild/protobuf";
import { formatInstanceId } from "#core/instance-id.ts";
import { RetryView, type TaskInstanceSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { InstanceView } from "#ports/run-views.ts";
import { taskStateToProto } from "#rpc/task-state-to-proto.ts";
import { durationBetween } from "../duration-text.ts";
import { integerOrAbsent, timeOrAbsent } from "../optional-fields.ts";

/** A task instance as the API shows it in lists: without what it left. */
export function toTaskInstanceMessage(view: InstanceView): MessageInitShape<typeof TaskInstanceSchema> {
  const id = formatInstanceId(view.runId, view.taskId, view.itemKey);
  return {
    id,
    dagRunId: view.runId,
    dagId: view.dagId,
    taskId: view.taskId,
    mapIndex: view.mapIndex ?? undefined,
    state: taskStateToProto[view.state],
    retryView: retryViewOf(view),
    tryNumber: view.tryNumber,
    maxTries: view.maxRetries + 1 + view.infraTries,
    retryCount: Math.max(0, view.tryNumber - 1),
    operator: view.operatorType,
    queue: view.queue,
    workerId: view.workerId ?? "",
    hostname: view.hostname ?? "",
    queuedAt: timeOrAbsent(view.queuedAt),
    startDate: timeOrAbsent(view.startedAt),
    endDate: timeOrAbsent(view.endedAt),
    durationMs: integerOrAbsent(durationBetween(view.startedAt, view.endedAt)),
    exitCode: view.exitCode ?? undefined,
    error: view.errorCode === null ? undefined : { code: view.errorCode, message: view.errorMessage ?? "" },
    lastError: view.lastError ?? "",
    nextRetryTime: view.state === "up_for_retry" ? timeOrAbsent(view.dueAt) : undefined,
    logPath: `/api/v1/taskInstances/${encodeURIComponent(id)}/logs`,
    generation: view.generation,
    stateReason: view.reason ?? "",
    cpuMs: integerOrAbsent(view.cpuMs),
    memoryPeakBytes: integerOrAbsent(view.memoryPeakBytes),
  };
}

/** What people see of the attempts; unspecified where there is nothing to see. A claim raises the try number, so a queued retry has its last one. */
export function retryViewOf(view: Pick<InstanceView, "state" | "tryNumber" | "reason">): RetryView {
  switch (view.state) {
    case "queued": {
      const isRetry = view.tryNumber > (view.reason === "deferred" ? 1 : 0);
      return isRetry ? RetryView.RETRYING : RetryView.FIRST_ATTEMPT;
    }
    case "running":
      return view.tryNumber > 1 ? RetryView.RETRYING : RetryView.FIRST_ATTEMPT;
    case "up_for_retry":
      return RetryView.FAILED_WILL_RETRY;
    case "success":
      return RetryView.SUCCESS;
    case "failed":
      return RetryView.FAILED_FINAL;
    case "none":
    case "upstream_failed":
    case "skipped":
    case "removed":
      return RetryView.UNSPECIFIED;
    default:
      return view.state satisfies never;
  }
}
