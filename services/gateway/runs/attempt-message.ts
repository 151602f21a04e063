import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AttemptClosed } from "#core/attempt-change.ts";
import { type AttemptSchema, TaskState as ProtoTaskState } from "#gen/millrace/v1/task_service_pb.js";
import type { AttemptView } from "#ports/run-views.ts";
import { durationBetween } from "../duration-text.ts";
import { integerOrAbsent, timeOrAbsent } from "../optional-fields.ts";

/** An attempt has words of its own; the API says them in those of instances, and the reason in `retry_reason`. */
const attemptStateToProto: Readonly<Record<AttemptClosed["state"] | "running", ProtoTaskState>> = {
  running: ProtoTaskState.RUNNING,
  success: ProtoTaskState.SUCCESS,
  failed: ProtoTaskState.FAILED,
  skipped: ProtoTaskState.SKIPPED,
  deferred: ProtoTaskState.QUEUED,
  lost: ProtoTaskState.FAILED,
  stopped: ProtoTaskState.FAILED,
  superseded: ProtoTaskState.REMOVED,
};

/** One try of a task instance as the API shows it. */
export function toAttemptMessage(view: AttemptView): MessageInitShape<typeof AttemptSchema> {
  return {
    attemptNumber: view.tryNumber,
    generation: view.generation,
    state: isAttemptState(view.state) ? attemptStateToProto[view.state] : ProtoTaskState.UNSPECIFIED,
    startDate: timeOrAbsent(view.startedAt),
    endDate: timeOrAbsent(view.endedAt),
    durationMs: integerOrAbsent(durationBetween(view.startedAt, view.endedAt)),
    workerId: view.workerId ?? "",
    exitCode: view.exitCode ?? undefined,
    signal: view.signal ?? "",
    errorMessage: view.errorMessage ?? "",
    retryReason: view.retryReason ?? "",
    nextRetryTime: timeOrAbsent(view.nextRetryAt),
    backoffDelayMs: integerOrAbsent(view.backoffDelayMs),
    cpuMs: integerOrAbsent(view.cpuMs),
    memoryPeakBytes: integerOrAbsent(view.memoryPeakBytes),
  };
}

function isAttemptState(state: string): state is keyof typeof attemptStateToProto {
  return Object.hasOwn(attemptStateToProto, state);
}
