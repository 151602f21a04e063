import type { Definition, JsonObject } from "#definition/model.ts";
import type { Paint } from "../rendering/paint.ts";
import { layoutTree } from "../rendering/tree-layout.ts";

/** What a run would do: its parameters, and its tasks as a tree in the order in which they may start. */
export function renderPlan(definition: Definition, parameters: JsonObject, paint: Paint): readonly string[] {
  const tasks = new Map(definition.tasks.map((task) => [task.id, task]));
  const rows = layoutTree(
    definition.tasks.map(({ id, dependencies }) => ({ id, parents: dependencies.map(({ task }) => task) })),
  );
  const lines = rows.map(({ id, prefix, joins }) => {
    const task = tasks.get(id);
    const remarks = [
      task?.type ?? "",
      joins.length > 0 ? `after ${joins.join(" + ")}` : "",
      task === undefined || task.triggerRule === "all_success" ? "" : task.triggerRule,
      task !== undefined && task.retry.maxRetries > 0 ? `${task.retry.maxRetries} retries` : "",
    ];
    return `  ${paint("gray", prefix)}${id} ${paint("gray", remarks.filter((remark) => remark !== "").join(", "))}`;
  });
  const given = Object.entries(parameters).map(([name, value]) => `  ${name} = ${JSON.stringify(value)}`);
  return [
    `${paint("plain", definition.id, "bold")} would run ${definition.tasks.length} task(s)`,
    ...lines,
    ...(given.length === 0 ? [] : ["parameters", ...given]),
  ];
}
