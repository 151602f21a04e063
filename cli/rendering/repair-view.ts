import type { PlannedTask, RepairPlan } from "#gen/millrace/v1/task_service_pb.js";
import { TaskState } from "#gen/millrace/v1/task_service_pb.js";
import type { Color, Paint } from "./paint.ts";
import { taskStateWord } from "./proto-words.ts";
import { taskStateStyles } from "./state-style.ts";
import { type Cell, renderTable } from "./table.ts";

/** Kept tasks that are shown one by one; of more only the number is. */
const mostKept = 20;

/** What a rerun, clear or mark does, or would do, as a table with a sentence below. */
export function renderRepair(
  plan: RepairPlan,
  { isPlanned, ...options }: { isPlanned: boolean; paint: Paint; width: number | null },
): readonly string[] {
  const shown = plan.kept.length > mostKept ? [] : plan.kept;
  const rows = [
    ...plan.marked.map((task) => row("mark", "yellow", task)),
    ...plan.reRun.map((task) => row("re-run", "blue", task)),
    ...plan.removed.map((task) => row("remove", "red", task)),
    ...shown.map((task) => row("keep", "gray", task)),
  ];
  const columns = [{ title: "ACTION" }, { title: "TASK", flexible: true }, { title: "STATE" }, { title: "THEN" }];
  const table = renderTable({ columns, rows, ...options });
  return [...table, "", summaryOf(plan, isPlanned), ...plan.warnings.map((warning) => `warning: ${warning}`)];
}

function row(action: string, color: Color, task: PlannedTask): readonly Cell[] {
  const before = task.state === TaskState.UNSPECIFIED ? { text: "new" } : stateCell(task.state);
  const isSame = task.state === task.nextState;
  return [{ text: action, color }, { text: task.taskId }, before, isSame ? { text: "" } : stateCell(task.nextState)];
}

function stateCell(state: TaskState): Cell {
  const style = taskStateStyles[taskStateWord(state)];
  return { text: `${style.icon} ${style.word}`, color: style.color };
}

function summaryOf({ version, marked, reRun, removed, kept }: RepairPlan, isPlanned: boolean): string {
  const parts = [
    [marked.length, "marked"],
    [reRun.length, "to run again"],
    [removed.length, "removed"],
    [kept.length, "kept"],
  ] as const;
  const counts = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  const end = isPlanned ? "; nothing was changed, repeat it without --plan" : "";
  return `version ${version}: ${counts.join(", ")}${end}`;
}
