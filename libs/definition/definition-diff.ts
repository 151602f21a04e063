import { isEqual } from "./json.ts";
import type { Definition, Json, JsonObject, TaskDefinition } from "./model.ts";

/** What is other in a definition than in the one before. Keys have the names that a definition gives them. */
export interface DefinitionDiff {
  /** Of the definition itself. */
  readonly keys: readonly string[];
  readonly tasksAdded: readonly string[];
  readonly tasksRemoved: readonly string[];
  readonly tasksChanged: readonly { readonly id: string; readonly keys: readonly string[] }[];
}

export function diffDefinitions(before: Definition, after: Definition): DefinitionDiff {
  const { tasks: oldTasks, ...oldKeys } = before;
  const { tasks: newTasks, ...newKeys } = after;
  const old = new Map(oldTasks.map((task) => [task.id, task]));
  const ids = new Set(newTasks.map(({ id }) => id));
  return {
    keys: changedKeys(oldKeys, newKeys),
    tasksAdded: [...ids].filter((id) => !old.has(id)),
    tasksRemoved: [...old.keys()].filter((id) => !ids.has(id)),
    tasksChanged: newTasks.flatMap((task) => {
      const known = old.get(task.id);
      const keys = known === undefined ? [] : changedKeys(known, task);
      return keys.length === 0 ? [] : [{ id: task.id, keys }];
    }),
  };
}

/** Whether the two say the same. */
export function isUnchanged({ keys, tasksAdded, tasksRemoved, tasksChanged }: DefinitionDiff): boolean {
  return [keys, tasksAdded, tasksRemoved, tasksChanged].every((list) => list.length === 0);
}

type Keyed = Omit<Definition, "tasks"> | TaskDefinition;

function changedKeys(before: Keyed, after: Keyed): readonly string[] {
  const [old, now] = [before, after].map(asJson) as [JsonObject, JsonObject];
  const names = new Set([...Object.keys(old), ...Object.keys(now)]);
  const changed = [...names].filter((name) => !isEqual(old[name], now[name]));
  return [...new Set(changed.map(writtenName))].toSorted();
}

/** Of members whose name does not follow from the key. */
const writtenNames: ReadonlyMap<string, string> = new Map([
  ["graceMs", "grace_period"],
  ["waits", "timeout"],
  ["enclosure", "isolation"],
]);

/** The normal form has `timeoutMs` where a definition says `timeout`, and `maxActiveRuns` for `max_active_runs`. */
function writtenName(name: string): string {
  return writtenNames.get(name) ?? name.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What is stored has no keys without a value. */
function asJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
