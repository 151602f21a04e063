import type { Definition, TaskDefinition } from "./model.ts";

/**
 * The same definition, in which parts of tasks that are equal are one object: tasks resemble each other, and a process
 * keeps tens of thousands of them. It must not be changed in place.
 */
export function shareEqualParts(definition: Definition): Definition {
  const texts = new Map<string, string>();
  const others = new Map<string, unknown>();
  const share = (part: unknown): unknown => {
    if (typeof part === "string") return sharedAs(texts, part, part);
    return typeof part === "object" && part !== null ? sharedAs(others, JSON.stringify(part), part) : part;
  };
  const shareAll = (task: TaskDefinition): TaskDefinition => {
    // A copy by spreading keeps the form that all of them have; one from entries costs half as much again, for good.
    const copy: Record<string, unknown> = { ...task };
    for (const key of Object.keys(copy)) copy[key] = share(copy[key]);
    return copy as unknown as TaskDefinition;
  };
  return { ...definition, tasks: definition.tasks.map(shareAll) };
}

/** What is known by the text, from now on the part itself where nothing is. */
function sharedAs<T>(known: Map<string, T>, text: string, part: T): T {
  const shared = known.get(text);
  if (shared !== undefined) return shared;
  known.set(text, part);
  return part;
}
