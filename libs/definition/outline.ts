import type { EdgeCondition } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import { dagIdPattern, dagIdWords, taskIdPattern, taskIdWords } from "./schema/id-forms.ts";
import { isJsonObject, isList, ownValue } from "./json.ts";
import { definitionLimits } from "./limits.ts";
import type { Json, JsonObject } from "./model.ts";
import type { Finding, Path } from "./problem-list.ts";
import { describeValue } from "./schema/schema-problems.ts";

/** An edge as one of its ends declares it. `task` names the other end. */
export interface EdgeOutline {
  readonly task: string;
  readonly on: EdgeCondition;
  readonly path: Path;
}

/** As much of a task as could be read, whatever else is wrong with it. */
export interface TaskOutline {
  readonly path: Path;
  /** Null: missing or no text. */
  readonly id: string | null;
  readonly body: JsonObject;
  /** False: it is no map, and `body` is empty. */
  readonly isMap: boolean;
  readonly dependencies: readonly EdgeOutline[];
  readonly downstream: readonly EdgeOutline[];
  /** Absent: it is written among the tasks. */
  readonly hook?: Hook;
}

/** Where a finding belongs: at the value of the path, or at its key. */
export type Report = (path: Path, finding: Finding, at?: "value" | "key") => void;

const conditions: ReadonlySet<unknown> = new Set<EdgeCondition>(["success", "failure", "completion"]);

/** The definition's id when it is a good one; null with a finding otherwise. */
export function readDagId(root: JsonObject, report: Report): string | null {
  const id = ownValue(root, "id");
  if (id === undefined || id === null) report([], { code: "MISSING_KEY", message: "`id` is required" });
  else if (typeof id !== "string") report(["id"], notText("the id", id));
  else if (dagIdPattern.test(id)) return id;
  else
    report(["id"], {
      code: "INVALID_ID",
      message: `the id ${JSON.stringify(id)} can't be used`,
      hint: dagIdWords,
    });
  return null;
}

/** The tasks of the list or map, with findings on their number, form and ids. */
export function readTasks(root: JsonObject, report: Report): readonly TaskOutline[] {
  const tasks = ownValue(root, "tasks");
  if (tasks === undefined) {
    report([], {
      code: "MISSING_KEY",
      message: "`tasks` is required",
      hint: "give a list of tasks, or a map from id to task",
    });
    return [];
  }
  if (typeof tasks !== "object" || tasks === null) {
    report(["tasks"], {
      code: "INVALID_TYPE",
      message: `\`tasks\` must be a list or a map of tasks, not ${describeValue(tasks)}`,
    });
    return [];
  }
  const entries: readonly (readonly [string | number, Json])[] = isList(tasks)
    ? tasks.map((task, index) => [index, task] as const)
    : Object.entries(tasks);
  if (entries.length === 0)
    report(["tasks"], { code: "NO_TASKS", message: "`tasks` is empty; a definition has at least one task" });
  if (entries.length > definitionLimits.tasks) {
    const message = `the definition has ${entries.length} tasks; the limit is ${definitionLimits.tasks}`;
    report(["tasks"], { code: "TOO_MANY_TASKS", message, hint: "split it into several definitions" }, "key");
    return [];
  }
  const outlines = entries.map(([key, value]) => readTask(key, value, report));
  reportDuplicates(outlines, report);
  return outlines;
}

function readTask(key: string | number, value: Json, report: Report): TaskOutline {
  const path: Path = ["tasks", key];
  if (!isJsonObject(value)) {
    report(path, { code: "INVALID_TYPE", message: `a task must be a map, not ${describeValue(value)}` });
    return { path, id: typeof key === "string" ? key : null, body: {}, isMap: false, dependencies: [], downstream: [] };
  }
  return {
    path,
    id: typeof key === "string" ? checkId(key, path, report, "key") : readTaskId(value, path, report),
    body: value,
    isMap: true,
    dependencies: readEdges(value, path, "dependencies"),
    downstream: readEdges(value, path, "downstream"),
  };
}

function readTaskId(task: JsonObject, path: Path, report: Report): string | null {
  const id = ownValue(task, "id");
  if (typeof id === "string") return checkId(id, [...path, "id"], report, "value");
  if (id === undefined || id === null)
    report(path, { code: "MISSING_KEY", message: "`id` is required", hint: taskIdWords });
  else report([...path, "id"], notText("the id", id));
  return typeof id === "number" ? String(id) : null;
}

function checkId(id: string, path: Path, report: Report, at: "value" | "key"): string {
  if (!taskIdPattern.test(id)) {
    report(
      path,
      { code: "INVALID_ID", message: `the task id ${JSON.stringify(id)} can't be used`, hint: taskIdWords },
      at,
    );
  }
  return id;
}

function notText(what: string, value: Json): Finding {
  if (typeof value === "number" || typeof value === "boolean") {
    const kind = typeof value === "number" ? "a number" : "true or false";
    return {
      code: "INVALID_ID",
      message: `${what} ${String(value)} is read as ${kind}`,
      hint: `put it in quotes: "${String(value)}"`,
    };
  }
  return { code: "INVALID_ID", message: `${what} must be text, not ${describeValue(value)}` };
}

function reportDuplicates(tasks: readonly TaskOutline[], report: Report): void {
  const seen = new Set<string>();
  for (const task of tasks) {
    if (task.id === null) continue;
    if (seen.has(task.id)) {
      report([...task.path, "id"], {
        code: "DUPLICATE_ID",
        message: `the task id \`${task.id}\` is used twice`,
        hint: "ids are unique in a definition",
      });
    }
    seen.add(task.id);
  }
}

/** Names of other tasks under a key; entries of another form are left to the schema. */
function readEdges(task: JsonObject, path: Path, key: "dependencies" | "downstream"): EdgeOutline[] {
  const value = ownValue(task, key);
  if (value === undefined || !isList(value))
    return typeof value === "string" ? [{ task: value, on: "success", path: [...path, key] }] : [];
  return value.flatMap((entry, index): EdgeOutline[] => {
    const at = [...path, key, index];
    if (typeof entry === "string") return [{ task: entry, on: "success", path: at }];
    if (!isJsonObject(entry)) return [];
    const name = ownValue(entry, "task");
    const on = ownValue(entry, "on");
    if (typeof name !== "string") return [];
    return [{ task: name, on: conditions.has(on) ? (on as EdgeCondition) : "success", path: [...at, "task"] }];
  });
}
