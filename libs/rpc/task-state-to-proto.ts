import type { TaskState } from "#core/states.ts";
import { TaskState as ProtoTaskState } from "#gen/millrace/v1/task_service_pb.js";

/** States of task instances as the API's enum has them. */
export const taskStateToProto: Readonly<Record<TaskState, ProtoTaskState>> = {
  none: ProtoTaskState.NONE,
  queued: ProtoTaskState.QUEUED,
  running: ProtoTaskState.RUNNING,
  success: ProtoTaskState.SUCCESS,
  failed: ProtoTaskState.FAILED,
  up_for_retry: ProtoTaskState.UP_FOR_RETRY,
  upstream_failed: ProtoTaskState.UPSTREAM_FAILED,
  skipped: ProtoTaskState.SKIPPED,
  removed: ProtoTaskState.REMOVED,
};
