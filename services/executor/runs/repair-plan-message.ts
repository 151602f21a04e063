import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { formatInstanceId } from "#core/instance-id.ts";
import type { PlannedTask } from "#core/repair-plan.ts";
import type { RunEvent } from "#core/run-event.ts";
import {
  type PlannedTaskSchema,
  type RepairPlanSchema,
  TaskState as ProtoTaskState,
} from "#gen/millrace/v1/task_service_pb.js";
import type { RunFacts } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { taskStateToProto } from "#rpc/task-state-to-proto.ts";

/** Says what a repair comes to, in the API's words. */
export type RepairPlanWriter = (tasks: readonly PlannedTask[]) => MessageInitShape<typeof RepairPlanSchema>;

/** Reads what the answer to a repair says beside the tasks; `facts` are the run's before it. */
export async function prepareRepairPlan(
  store: Store,
  { facts, event, warnings }: { facts: RunFacts; event: RunEvent; warnings: readonly string[] },
): Promise<RepairPlanWriter> {
  const target = event.kind === "rerun" ? event.target : null;
  const own = target?.version ?? (await store.definitions.getVersion(facts.versionKey));
  return (tasks) => {
    const of = (action: PlannedTask["action"]) =>
      tasks.filter((task) => task.action === action).map((task) => toPlannedTaskMessage(facts.runId, task));
    return {
      dagRunId: facts.runId,
      version: own?.version ?? 0,
      parameters: (target?.parameters?.values ?? facts.parameters) as JsonObject,
      kept: of("keep"),
      reRun: of("rerun"),
      removed: of("remove"),
      marked: of("mark"),
      warnings: [...(target?.parameters?.warnings ?? []), ...warnings],
    };
  };
}

function toPlannedTaskMessage(runId: string, task: PlannedTask): MessageInitShape<typeof PlannedTaskSchema> {
  return {
    taskId: task.itemKey === null ? task.taskId : `${task.taskId}[${task.itemKey}]`,
    id: formatInstanceId(runId, task.taskId, task.itemKey),
    state: task.before === null ? ProtoTaskState.UNSPECIFIED : taskStateToProto[task.before],
    nextState: taskStateToProto[task.after],
  };
}
