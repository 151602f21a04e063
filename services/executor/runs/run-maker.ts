import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { RunType } from "#gen/millrace/v1/run_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";

/** A run that a task asks for. */
export interface AskedRun {
  readonly dagId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970; null: the time of the request. */
  readonly logicalAt: number | null;
  readonly replaceExisting: boolean;
  /** The run whose task asks; request ids are unique within it. */
  readonly parentRunId: string;
  readonly requestId: string;
}

/** Makes a run, and answers its id; a repeat of the request gets the same one. Throws what a trigger throws. */
export type MakeRun = (asked: AskedRun) => Promise<string>;

/** Makes runs by a scheduler. */
export function createRunMaker(scheduler: Transport): MakeRun {
  const client = createClient(SchedulerService, scheduler);
  return async ({ dagId, parameters, logicalAt, replaceExisting, parentRunId, requestId }) => {
    const { dagRunId } = await client.createRun({
      trigger: {
        dagId,
        parameters: parameters as JsonObject,
        ...(logicalAt === null ? {} : { executionDate: timestampFromMs(logicalAt) }),
        replaceExisting,
        requestId,
      },
      caller: parentRunId,
      runType: RunType.TRIGGER_DAG,
    });
    return dagRunId;
  };
}
