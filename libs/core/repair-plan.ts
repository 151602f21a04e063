import type { RunDraft } from "./run-draft.ts";
import type { Instance } from "./run-model.ts";
import type { TaskState } from "./states.ts";

/** What a repair does with one task, or with an item that is marked by itself. */
export interface PlannedTask {
  readonly taskId: string;
  /** Null: the task as a whole. */
  readonly itemKey: string | null;
  readonly action: "keep" | "rerun" | "remove" | "mark";
  /** Null: the version that the run had does not have it. */
  readonly before: TaskState | null;
  readonly after: TaskState;
}

/** What a rerun, clear or mark comes to: every task of the run, in the order of its plan. */
export interface RepairPlan {
  readonly tasks: readonly PlannedTask[];
}

/** Notes how a run is before a repair; the answered function compares it with what the draft is then. */
export function startRepairPlan(draft: RunDraft, marked: ReadonlySet<number>): () => RepairPlan {
  const before = [...draft.all()];
  return () => {
    const rows = [...draft.all()].filter((row) => row.mapIndex === null || marked.has(row.ordinal));
    rows.sort((a, b) => a.task - b.task || a.ordinal - b.ordinal);
    const tasks = rows.flatMap((row): readonly PlannedTask[] => {
      const old = before[row.ordinal];
      if (old?.state === "removed" && row.state === "removed") return [];
      const { id: taskId } = draft.taskOf(row);
      const action = actionOf(old, row, marked);
      return [{ taskId, itemKey: row.itemKey, action, before: old?.state ?? null, after: row.state }];
    });
    return { tasks };
  };
}

function actionOf(old: Instance | undefined, row: Instance, marked: ReadonlySet<number>): PlannedTask["action"] {
  if (old === undefined || row.generation > old.generation) return "rerun";
  if (row.state === "removed") return "remove";
  return marked.has(row.ordinal) ? "mark" : "keep";
}
