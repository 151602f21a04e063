import { idOf, listTasks } from "./merge-bodies.ts";
import { type Renames, renameOutputs } from "./rename-outputs.ts";
import type { SourceFindings } from "./source-findings.ts";
import { isSourcedList, isSourcedMap, type SourcedMap, type SourcedNode } from "./sourced-tree.ts";

/** The tasks of an included body under their new ids: edges among them and the outputs that they read follow. */
export function prefixTasks(body: SourcedMap, prefix: string, findings: SourceFindings): readonly SourcedNode[] {
  const written = body.get("tasks");
  const tasks = written === undefined ? [] : listTasks(written);
  const ids = tasks.map(idOf).filter((id) => id !== null);
  const renames = new Map(ids.map((id) => [id, `${prefix}${id}`]));
  const defaults = body.get("default_task_config")?.value;
  return tasks.map((task) => {
    if (!isSourcedMap(task.value)) return task;
    const whole = isSourcedMap(defaults) ? withDefaults(task.value, defaults) : task.value;
    return { ...task, value: renameTask(whole, renames, findings) };
  });
}

/** Tasks within a task. */
const hookKeys: ReadonlySet<string> = new Set(["on_success", "on_failure"]);

function renameTask(task: SourcedMap, renames: Renames, findings: SourceFindings): SourcedMap {
  const entries = [...task].map(([key, node]) => {
    if (key === "id") return [key, renameId(node, renames)] as const;
    if (key === "dependencies" || key === "downstream") return [key, renameEdges(node, renames)] as const;
    if (hookKeys.has(key) && isSourcedMap(node.value))
      return [key, { ...node, value: renameTask(node.value, renames, findings) }] as const;
    const bare = key === "when" || key === "for_each";
    return [key, renameTexts(node, { renames, bare, findings })] as const;
  });
  return new Map(entries);
}

function renameId(node: SourcedNode, renames: Renames): SourcedNode {
  const renamed = typeof node.value === "string" ? renames.get(node.value) : undefined;
  return renamed === undefined ? node : { ...node, value: renamed };
}

/** A list of ids, or of maps that name one. */
function renameEdges(node: SourcedNode, renames: Renames): SourcedNode {
  const { value } = node;
  if (isSourcedList(value)) return { ...node, value: value.map((edge) => renameEdges(edge, renames)) };
  if (!isSourcedMap(value)) return renameId(node, renames);
  const task = value.get("task");
  return task === undefined ? node : { ...node, value: new Map([...value, ["task", renameId(task, renames)]]) };
}

function renameTexts(
  node: SourcedNode,
  options: { renames: Renames; bare: boolean; findings: SourceFindings },
): SourcedNode {
  const { value, origin } = node;
  if (isSourcedList(value)) return { ...node, value: value.map((item) => renameTexts(item, options)) };
  if (isSourcedMap(value)) {
    return { ...node, value: new Map([...value].map(([key, item]) => [key, renameTexts(item, options)])) };
  }
  if (typeof value !== "string") return node;
  const renamed = renameOutputs(value, options);
  if (renamed === null) {
    const message = "an output is read in a way that can't follow the prefix of the `include`";
    const hint = "write outputs.task.key";
    options.findings.add(origin, { code: "UNKNOWN_NAME", message, hint });
    return node;
  }
  return renamed === value ? node : { ...node, value: renamed, spans: [{ start: 0, writtenAt: 0 }] };
}

/** Maps of a task's settings that are merged entry by entry with their defaults. */
const mergedKeys: ReadonlySet<string> = new Set(["parameters", "environment", "retry"]);
/** Two ways to say one thing: the task's own wins over the other one of the defaults. */
const retryTwins = new Map([
  ["retries", "max_retries"],
  ["retry_timeout", "retry_timeout"],
]);

/** A task with the defaults of the body that it came from, which don't reach the body that includes it. */
function withDefaults(task: SourcedMap, defaults: SourcedMap): SourcedMap {
  const whole = new Map(task);
  const retry = task.get("retry")?.value;
  for (const [key, node] of defaults) {
    const own = task.get(key);
    const twin = retryTwins.get(key);
    if (twin !== undefined && isSourcedMap(retry) && retry.has(twin)) continue;
    const inherited = key === "retry" ? withoutTwins(node, task) : node;
    if (own === undefined) whole.set(key, inherited);
    else if (mergedKeys.has(key) && isSourcedMap(own.value) && isSourcedMap(inherited.value)) {
      whole.set(key, { ...own, value: new Map([...inherited.value, ...own.value]) });
    }
  }
  return whole;
}

function withoutTwins(node: SourcedNode, task: SourcedMap): SourcedNode {
  if (!isSourcedMap(node.value)) return node;
  const said = new Set([...retryTwins].filter(([key]) => task.has(key)).map(([, twin]) => twin));
  return { ...node, value: new Map([...node.value].filter(([key]) => !said.has(key))) };
}
