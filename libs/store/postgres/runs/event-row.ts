import type { Decision, EventChange } from "#core/decision.ts";
import { formatInstanceId } from "#core/instance-id.ts";
import type { RunAggregate } from "#core/run-model.ts";

/** An outbox row, ready to be published. */
export function toEventRow(
  event: EventChange,
  decision: Pick<Decision, "instances" | "plan">,
  before: RunAggregate,
): Record<string, unknown> {
  const { runId, dagId } = before.run;
  const known = event.ordinal === null ? undefined : before.instances[event.ordinal];
  const instance = known ?? (event.ordinal === null ? undefined : findAdded(decision, event.ordinal));
  const { tasks } = known === undefined ? decision.plan : before.plan;
  const taskId = instance === undefined ? undefined : tasks[instance.task]?.id;
  return {
    event_type: event.eventType,
    resource_type: event.eventType.slice(0, event.eventType.indexOf(".")),
    resource_id:
      instance === undefined || taskId === undefined ? runId : formatInstanceId(runId, taskId, instance.itemKey),
    dag_id: dagId,
    run_id: runId,
    run_sequence: event.sequence,
    data: { ...(taskId === undefined ? {} : { task_id: taskId }), ...event.data },
  };
}

function findAdded(
  decision: Pick<Decision, "instances">,
  ordinal: number,
): { task: number; itemKey: string | null } | undefined {
  return decision.instances.find((change) => change.next.ordinal === ordinal)?.next;
}
