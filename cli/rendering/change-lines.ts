import type { Paint } from "./paint.ts";

/** What is other in a definition: its keys, and tasks that came, went and changed. */
export interface DefinitionChanges {
  readonly keysChanged: readonly string[];
  readonly tasksAdded: readonly string[];
  readonly tasksRemoved: readonly string[];
  readonly tasksChanged: readonly { readonly taskId: string; readonly keys: readonly string[] }[];
}

export function renderChanges(changes: DefinitionChanges, paint: Paint): readonly string[] {
  return [
    ...changes.keysChanged.map((key) => `    ${paint("yellow", "~")} ${key}`),
    ...changes.tasksAdded.map((id) => `    ${paint("green", "+")} task ${id}`),
    ...changes.tasksRemoved.map((id) => `    ${paint("red", "-")} task ${id}`),
    ...changes.tasksChanged.map(({ taskId, keys }) => `    ${paint("yellow", "~")} task ${taskId}: ${keys.join(", ")}`),
  ];
}
