import { create } from "@bufbuild/protobuf";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { type AttemptRef, AttemptRefSchema } from "#gen/millrace/v1/worker_session_service_pb.js";

/** Names a held attempt within a session; what both sides know it by. */
export function attemptId(ref: Pick<AttemptRef, "dagRunId" | "taskId" | "mapIndex" | "fence">): string {
  return `${ref.dagRunId} ${ref.taskId} ${ref.mapIndex ?? ""} ${ref.fence}`;
}

/** Names what a ticket offers: an attempt that has no fence yet. */
export function ticketId(
  ref: Pick<AttemptRef, "dagRunId" | "taskId" | "generation" | "tryNumber"> & {
    readonly mapIndex?: number | null | undefined;
  },
): string {
  return `${ref.dagRunId} ${ref.taskId} ${ref.mapIndex ?? ""} ${ref.generation} ${ref.tryNumber}`;
}

/** The attempt that an instance holds, as the protocol names it. */
export function attemptRefOf(run: RunAggregate, instance: Instance): AttemptRef {
  const task = run.plan.tasks[instance.task];
  return create(AttemptRefSchema, {
    dagRunId: run.run.runId,
    taskId: task?.id ?? "",
    ...(instance.mapIndex === null ? {} : { mapIndex: instance.mapIndex }),
    generation: instance.generation,
    tryNumber: instance.tryNumber,
    fence: BigInt(instance.heldFence),
  });
}
