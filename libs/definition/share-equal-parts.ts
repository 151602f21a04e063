import type { Definition, TaskDefinition } from "./model.ts";

/**
 * The same definition, in which parts of tasks that are equal are one object: tasks resemble each other, and a process
 * keeps tens of thousands of them. It must not be changed in place.
 */
export function shareEqualParts(definition: Definition): Definition {
  const known = new Map<string, unknown>();
  const share = (part: unknown): unknown => {
    if (typeof part !== "string" && (typeof part !== "object" || part === null)) return part;
    // No JSON of a map or a list begins with a quote.
    const text = typeof part === "string" ? `"${part}` : JSON.stringify(part);
    const shared = known.get(text);
    if (shared !== undefined) return shared;
    known.set(text, part);
    return part;
  };
  const shareAll = (task: TaskDefinition): TaskDefinition =>
    Object.fromEntries(Object.entries(task).map(([key, part]) => [key, share(part)])) as unknown as TaskDefinition;
  return { ...definition, tasks: definition.tasks.map(shareAll) };
}
