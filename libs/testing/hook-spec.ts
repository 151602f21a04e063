import type { Hook } from "#core/hook.ts";
import type { TaskSpec } from "./plan-builder.ts";

/** A hook as definitions make it: of the one task, or of the run, which waits for all these tasks. */
export function hookSpec(tasks: readonly string[], of: Hook["of"], on: Hook["on"]): TaskSpec {
  const owner = of === "task" ? (tasks[0] ?? "") : "";
  return { id: `${owner}.on_${on}`, parents: tasks, hook: { of, on }, allowFailure: true };
}
