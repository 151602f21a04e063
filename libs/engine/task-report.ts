import type { TaskReport, TaskStatus } from "./execution-report.ts";
import { EngineError } from "./engine-error.ts";
import type { ExecutionTasks } from "./execution-tasks.ts";
import { type TaskColumns, taskStage } from "./task-columns.ts";

/** Where the facts of reports are. */
export interface ReportSource {
  readonly tasks: ExecutionTasks;
  readonly columns: TaskColumns;
  readonly abortReason: unknown;
}

/** Dependencies that the error of a skipped task names. */
const maxNamedParents = 3;

export function createReport(source: ReportSource, index: number): TaskReport {
  const { tasks, columns } = source;
  const startTime = columns.firstStartTime(index);
  const endTime = columns.endTimes[index] ?? 0;
  const hasStarted = startTime > 0;
  return {
    taskId: tasks.at(index).id,
    status: statusOf(columns, index),
    error: errorOf(source, index),
    startTime: hasStarted ? startTime : null,
    endTime: hasStarted ? endTime : null,
    durationMs: hasStarted ? Math.max(0, endTime - startTime) : null,
    tries: hasStarted ? columns.tryNumber(index) : 0,
  };
}

/** Why a task failed or was skipped, null otherwise. Made once, so that it stays the same object. */
export function errorOf({ tasks, columns, abortReason }: ReportSource, index: number): unknown {
  const stage = columns.stages[index] ?? taskStage.waiting;
  if (stage <= taskStage.success) return null;
  if (stage === taskStage.skippedByAbort) return abortReason;
  if (!columns.errors.has(index)) {
    const isWhen = stage === taskStage.skippedByWhen;
    columns.errors.set(index, isWhen ? skippedByWhen(tasks.at(index).id) : skippedByRule(tasks, columns, index));
  }
  return columns.errors.get(index);
}

function statusOf(columns: TaskColumns, index: number): TaskStatus {
  const stage = columns.stages[index] ?? taskStage.waiting;
  if (stage < taskStage.success) return "PENDING";
  if (stage === taskStage.success) return "SUCCESS";
  return stage <= taskStage.failedAllowed ? "FAILED" : "SKIPPED";
}

function skippedByWhen(id: string): EngineError {
  return new EngineError("WHEN_FALSE", `task "${id}" was skipped: its \`when\` said no`);
}

function skippedByRule(tasks: ExecutionTasks, columns: TaskColumns, index: number): EngineError {
  const { id, extras } = tasks.at(index);
  const ends = tasks.parents(index).map(({ task, on }) => {
    const edge = on === "success" ? "" : ` (on: ${on})`;
    return `"${tasks.at(task).id}" ended ${statusOf(columns, task)}${edge}`;
  });
  const more = ends.length > maxNamedParents ? ` and ${ends.length - maxNamedParents} more` : "";
  const named = ends.slice(0, maxNamedParents).join(", ");
  return new EngineError(
    "RULE_NOT_MET",
    `task "${id}" was skipped: its trigger rule ${extras.triggerRule} can't hold, since ${named}${more}`,
  );
}
