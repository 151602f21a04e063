import { rulesThatNeedParents, type TriggerRule, triggerRules } from "#core/trigger-rule.ts";
import type { ParentEdge, TaskGraph } from "./check-graph.ts";
import { isJsonObject, ownValue } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";
import type { Finding } from "../problem-list.ts";

/** Reports rules that can never hold, given the task's edges. */
export function checkTriggerRules(
  root: JsonObject,
  tasks: readonly TaskOutline[],
  { parents }: TaskGraph,
  report: Report,
): void {
  const defaults = ownValue(root, "default_task_config");
  const defaultRule = isJsonObject(defaults) ? ownValue(defaults, "trigger_rule") : undefined;
  tasks.forEach((task, place) => {
    const own = ownValue(task.body, "trigger_rule");
    const rule = triggerRules.find((known) => known === (own ?? defaultRule));
    const edges = parents[place] ?? [];
    const isResolved = task.dependencies.length === 0 || edges.length > 0;
    if (rule === undefined || !isResolved) return;
    const finding = findFault(rule, edges);
    if (finding !== null) report(own === undefined ? task.path : [...task.path, "trigger_rule"], finding);
  });
}

function findFault(rule: TriggerRule, edges: readonly ParentEdge[]): Finding | null {
  if (edges.length === 0) {
    if (!rulesThatNeedParents.has(rule)) return null;
    return {
      code: "TRIGGER_RULE",
      message: `\`trigger_rule: ${rule}\` needs a task before this one`,
      hint: "add `dependencies`, or remove the rule",
    };
  }
  if (canHold(rule, edges)) return null;
  return {
    code: "TRIGGER_RULE",
    message: `\`trigger_rule: ${rule}\` can never hold: \`on:\` of its dependencies turns the ends that it waits for into others`,
    hint: "use plain dependencies with this rule, or `all_success` with `on:`",
  };
}

/** An edge `on: failure` shows only success or skipped, one `on: completion` only success. */
function canHold(rule: TriggerRule, edges: readonly ParentEdge[]): boolean {
  switch (rule) {
    case "all_failed":
      return edges.every((edge) => edge.on === "success");
    case "one_failed":
      return edges.some((edge) => edge.on === "success");
    case "all_skipped":
      return edges.every((edge) => edge.on !== "completion");
    default:
      return true;
  }
}
