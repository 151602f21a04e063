import type { Hook } from "#core/hook.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { hasExpression } from "../code/code-scan.ts";
import { isJsonObject, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { Json, JsonObject } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";
import type { Path } from "../problem-list.ts";
import { describeValue } from "../schema/schema-problems.ts";

/** A hook as the task that it is, with the task whose end it tells of; null: the run's. */
export interface HookOutline extends TaskOutline {
  readonly hook: Hook & { readonly task: number | null };
}

/** The run keeps its place until its hooks have ended, and `run_timeout` is not for them: none waits for a worker for ever. */
const defaultQueueTimeout = "1h";

const ends: readonly Hook["on"][] = ["success", "failure"];

/**
 * The hooks of the definition and of its tasks. Each is a task whose id no other can have, since it holds a dot:
 * `load.on_failure`, and `.on_failure` for the run. What it does not say of its message is filled in here.
 */
export function readHooks(
  root: JsonObject,
  tasks: readonly TaskOutline[],
  { operators, report }: { readonly operators: OperatorSchemas; readonly report: Report },
): readonly HookOutline[] {
  const hooks: HookOutline[] = [];
  const read = (
    owner: { readonly body: JsonObject; readonly path: Path; readonly id: string | null },
    task: number | null,
  ) => {
    for (const on of ends) {
      const key = `on_${on}`;
      const value = ownValue(owner.body, key);
      if (value === undefined) continue;
      const path = [...owner.path, key];
      const body = readBody(value, path, report);
      hooks.push({
        path,
        id: owner.id === null ? null : `${owner.id}.${key}`,
        body: { queue_timeout: defaultQueueTimeout, ...withDefaults(body ?? {}, operators) },
        isMap: body !== null,
        dependencies: [],
        downstream: [],
        hook: { of: task === null ? "run" : "task", on, task },
      });
    }
  };
  tasks.forEach((task, place) => read(task, place));
  read({ body: root, path: [], id: "" }, null);
  if (hooks.length > 0 && tasks.length + hooks.length > definitionLimits.tasks) {
    const message = `the definition has ${tasks.length} tasks and ${hooks.length} hooks; the limit is ${definitionLimits.tasks} together`;
    report(["tasks"], { code: "TOO_MANY_TASKS", message, hint: "split it, or use the hooks of the DAG" }, "key");
  }
  return hooks;
}

/** The long form of what is written; null when it is neither. */
function readBody(value: Json, path: Path, report: Report): JsonObject | null {
  if (isJsonObject(value)) return value;
  if (typeof value === "string" && (/^https?:\/\/./.test(value) || hasExpression(value)))
    return { type: "webhook", operator: { url: value } };
  report(path, {
    code: "INVALID_TYPE",
    message: `a hook must be a task, or the address that a webhook posts to, not ${describeValue(value)}`,
    hint: "write {type: …, operator: {…}}, or https://…",
  });
  return null;
}

/** What operators that tell people or programs say by themselves; what is written wins. */
function withDefaults(body: JsonObject, operators: OperatorSchemas): JsonObject {
  const type = ownValue(body, "type");
  const operator = ownValue(body, "operator");
  const defaults = typeof type === "string" ? operators.get(type)?.hookDefaults : undefined;
  if (defaults === undefined || !isJsonObject(operator)) return body;
  return { ...body, operator: { ...(defaults as JsonObject), ...operator } };
}
