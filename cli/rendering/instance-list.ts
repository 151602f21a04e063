import type { TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import { attemptText, instanceDetails, instanceDuration, instanceName, taskStateCell } from "./instance-cells.ts";
import type { Paint } from "./paint.ts";
import { renderTable } from "./table.ts";

/** Task instances of several runs as a table, in the order given. */
export function renderInstances(
  instances: readonly TaskInstance[],
  { now, ...options }: { now: number; paint: Paint; width: number | null },
): readonly string[] {
  return renderTable({
    columns: [
      { title: "TASK", flexible: true },
      { title: "RUN", flexible: true },
      { title: "STATE" },
      { title: "ATTEMPT", align: "right" },
      { title: "DURATION", align: "right" },
      { title: "WORKER", flexible: true },
      { title: "DETAILS", flexible: true },
    ],
    rows: instances.map((instance) => [
      { text: instanceName(instance) },
      { text: instance.dagRunId },
      taskStateCell(instance),
      { text: attemptText(instance) },
      { text: instanceDuration(instance, now) },
      { text: instance.workerId },
      { text: instanceDetails(instance, now) },
    ]),
    ...options,
  });
}
