import { isEqual } from "../json.ts";
import { isSourcedList, isSourcedMap, type SourcedMap, type SourcedNode, toPlainJson } from "./sourced-tree.ts";

/** Lists of a body to which an heir adds. */
const appendedKeys: ReadonlySet<string> = new Set(["tags", "include"]);
/** Maps of a body, or of a task, that an heir changes entry by entry. */
const mergedKeys: ReadonlySet<string> = new Set(["parameters", "environment", "retry", "operator"]);

/**
 * The body of a template and of the one that extends it as one. Tasks are merged by id, and stay in their order; tags and
 * includes are appended; of parameters, environment and retries single entries win; anything else is the heir's. Merging
 * is associative: `remove: true` stays until `finishBody`, so that it also reaches what comes from further above.
 */
export function mergeBodies(base: SourcedMap, heir: SourcedMap): SourcedMap {
  const merged = new Map(base);
  for (const [key, node] of heir) {
    const inherited = base.get(key);
    merged.set(key, inherited === undefined ? node : mergeKey(key, inherited, node));
  }
  return merged;
}

function mergeKey(key: string, base: SourcedNode, heir: SourcedNode): SourcedNode {
  if (key === "tasks") return mergeTasks(base, heir);
  if (key === "default_task_config") return mergeMaps(base, heir, mergeEntry);
  if (appendedKeys.has(key)) return appendLists(base, heir);
  return mergeEntry(key, base, heir);
}

function mergeEntry(key: string, base: SourcedNode, heir: SourcedNode): SourcedNode {
  return mergedKeys.has(key) ? mergeMaps(base, heir, (_, __, own) => own) : heir;
}

function mergeMaps(
  base: SourcedNode,
  heir: SourcedNode,
  mergeBoth: (key: string, base: SourcedNode, heir: SourcedNode) => SourcedNode,
): SourcedNode {
  if (!isSourcedMap(base.value) || !isSourcedMap(heir.value)) return heir;
  const merged = new Map(base.value);
  for (const [key, node] of heir.value) {
    const inherited = base.value.get(key);
    merged.set(key, inherited === undefined ? node : mergeBoth(key, inherited, node));
  }
  return { ...heir, value: merged };
}

/** Each entry once. */
function appendLists(base: SourcedNode, heir: SourcedNode): SourcedNode {
  if (!isSourcedList(base.value) || !isSourcedList(heir.value)) return heir;
  const known = base.value;
  const added = heir.value.filter((node) => !known.some((each) => isEqual(toPlainJson(each), toPlainJson(node))));
  return { ...heir, value: [...known, ...added] };
}

function mergeTasks(base: SourcedNode, heir: SourcedNode): SourcedNode {
  const merged = [...listTasks(base)];
  for (const task of listTasks(heir)) {
    const id = idOf(task);
    const place = id === null ? -1 : merged.findIndex((each) => idOf(each) === id);
    const inherited = merged[place];
    if (inherited === undefined) merged.push(task);
    else merged[place] = mergeTask(inherited, task);
  }
  return { ...heir, value: merged };
}

/**
 * A task that names its `type` brings its own `operator`. `remove: true` forgets what was inherited; further keys beside
 * it, or in a later heir, begin anew.
 */
function mergeTask(base: SourcedNode, heir: SourcedNode): SourcedNode {
  if (!isSourcedMap(base.value) || !isSourcedMap(heir.value) || isRemoval(heir)) return heir;
  const inherited = new Map(base.value);
  if (heir.value.has("type")) inherited.delete("operator");
  return mergeMaps({ ...base, value: inherited }, heir, mergeEntry);
}

/** The tasks as a list whose entries have their ids, whichever form was written. */
export function listTasks({ value }: SourcedNode): readonly SourcedNode[] {
  if (isSourcedList(value)) return value;
  if (!isSourcedMap(value)) return [];
  return [...value].map(([id, task]) => {
    const idNode: SourcedNode = { origin: { ...task.origin, isKey: true }, value: id };
    if (!isSourcedMap(task.value)) return task;
    return { ...task, value: new Map([["id", idNode], ...task.value]) };
  });
}

export function idOf({ value }: SourcedNode): string | null {
  const id = isSourcedMap(value) ? value.get("id")?.value : undefined;
  return typeof id === "string" ? id : null;
}

function isRemoval({ value }: SourcedNode): boolean {
  return isSourcedMap(value) && value.get("remove")?.value === true;
}

/** The body without what is removed, its tasks as a list. */
export function finishBody(body: SourcedMap): SourcedMap {
  const tasks = body.get("tasks");
  if (tasks === undefined) return body;
  const kept = listTasks(tasks).flatMap((task) => {
    if (!isRemoval(task) || !isSourcedMap(task.value)) return [task];
    const rest = new Map([...task.value].filter(([key]) => key !== "remove"));
    return rest.size <= 1 ? [] : [{ ...task, value: rest }];
  });
  return new Map([...body, ["tasks", { ...tasks, value: kept }]]);
}
