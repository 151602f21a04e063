import type { RunState } from "#core/states.ts";
import { RunState as ProtoRunState } from "#gen/millrace/v1/run_service_pb.js";

/** States of runs as the API's enum has them. */
export const runStateToProto: Readonly<Record<RunState, ProtoRunState>> = {
  queued: ProtoRunState.QUEUED,
  running: ProtoRunState.RUNNING,
  success: ProtoRunState.SUCCESS,
  failed: ProtoRunState.FAILED,
  up_for_retry: ProtoRunState.UP_FOR_RETRY,
  cancelled: ProtoRunState.CANCELLED,
};
