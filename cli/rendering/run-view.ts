import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import type { TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import type { Paint } from "./paint.ts";
import {
  attemptText,
  cpuText,
  instanceDetails,
  instanceDuration,
  instanceName,
  memoryText,
  taskStateCell,
} from "./instance-cells.ts";
import { timestampMillis } from "./proto-words.ts";
import { runStateCell, runTypeWord } from "./run-list.ts";
import { renderTable } from "./table.ts";
import { harmlessLine } from "./terminal-text.ts";
import { durationText, instantText } from "./time-text.ts";
import { layoutTree, type TreeTask } from "./tree-layout.ts";

export interface RunViewOptions {
  readonly run: DagRun;
  readonly instances: readonly TaskInstance[];
  /** The tasks of the definition with their parents; empty where it can't be read. */
  readonly tasks: readonly TreeTask[];
  readonly now: number;
  readonly paint: Paint;
  /** Columns of the terminal; null: never cut. */
  readonly width: number | null;
}

/** One run: its facts, then its task instances as a table in the order and with the branches of the tree. */
export function renderRun(options: RunViewOptions): readonly string[] {
  const { run, paint } = options;
  const state = runStateCell(run);
  const duration = runDuration(run, options.now);
  const title = `${paint("plain", harmlessLine(`${run.dagId}  ${run.dagRunId}`), "bold")}  ${paint(state.color ?? "plain", state.text)}`;
  const facts: readonly (readonly [string, string])[] = [
    [
      "type",
      `${runTypeWord(run.runType)}${run.triggeredBy === "" ? "" : ` by ${run.triggeredBy}`}, version ${run.version}`,
    ],
    ["date", instantOrNothing(timestampMillis(run.executionDate))],
    ["started", instantOrNothing(timestampMillis(run.startDate))],
    ["ended", instantOrNothing(timestampMillis(run.endDate))],
    ["parameters", Object.keys(run.parameters ?? {}).length === 0 ? "" : JSON.stringify(run.parameters)],
    ["note", run.note],
    ["warnings", run.warnings.join("; ")],
  ];
  const lines = facts
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `  ${name.padEnd(12)}${harmlessLine(value)}`);
  return [duration === "" ? title : `${title} ${duration}`, ...lines, "", ...renderInstances(options)];
}

function renderInstances({ instances, tasks, now, paint, width }: RunViewOptions): readonly string[] {
  const rows = orderInstances(instances, tasks);
  const isMeasured = instances.some(({ cpuMs, memoryPeakBytes }) => (cpuMs ?? memoryPeakBytes) !== undefined);
  return renderTable({
    columns: [
      { title: "TASK" },
      { title: "STATE" },
      { title: "ATTEMPT", align: "right" },
      { title: "DURATION", align: "right" },
      ...(isMeasured
        ? ([
            { title: "CPU", align: "right" },
            { title: "MEMORY", align: "right" },
          ] as const)
        : []),
      { title: "WORKER", flexible: true },
      { title: "DETAILS", flexible: true },
    ],
    rows: rows.map(({ instance, prefix }) => [
      { text: `${prefix}${instanceName(instance)}` },
      taskStateCell(instance),
      { text: attemptText(instance) },
      { text: instanceDuration(instance, now) },
      ...(isMeasured ? [{ text: cpuText(instance) }, { text: memoryText(instance) }] : []),
      { text: instance.workerId },
      { text: instanceDetails(instance, now) },
    ]),
    paint,
    width,
  });
}

/** The order of the tree, items below their group; instances of tasks that the definition no longer has come last. */
function orderInstances(
  instances: readonly TaskInstance[],
  tasks: readonly TreeTask[],
): readonly { instance: TaskInstance; prefix: string }[] {
  const byTask = Map.groupBy(instances, (instance) => instance.taskId);
  const rows = layoutTree(tasks).flatMap((row) =>
    (byTask.get(row.id) ?? []).map((instance) => ({
      instance,
      prefix: instance.mapIndex === undefined ? row.prefix : `${row.below}  `,
    })),
  );
  const known = new Set(tasks.map((task) => task.id));
  const others = instances
    .filter((instance) => !known.has(instance.taskId))
    .map((instance) => ({ instance, prefix: "" }));
  return [...rows, ...others];
}

function runDuration(run: DagRun, now: number): string {
  if (run.durationMs !== undefined) return durationText(Number(run.durationMs));
  const startedAt = timestampMillis(run.startDate);
  return startedAt === null ? "" : durationText(now - startedAt);
}

function instantOrNothing(at: number | null): string {
  return at === null ? "" : instantText(at);
}
