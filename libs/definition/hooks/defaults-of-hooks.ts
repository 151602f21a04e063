import type { TaskDefaultsInput } from "../schema/definition-schema.ts";

/** How often, how long and how urgently a task runs, and what its end means: of a hook only itself says that. */
const ownMatters: ReadonlySet<string> = new Set<keyof TaskDefaultsInput>([
  "description",
  "trigger_rule",
  "allow_failure",
  "retries",
  "retry",
  "retry_timeout",
  "max_infra_retries",
  "idempotent",
  "timeout",
  "queue_timeout",
  "grace_period",
  "pool",
  "priority",
  "resources",
  "capture_stdout",
  "keep_partial_outputs",
  "outputs",
]);

/** The defaults of tasks that hold for hooks too: they run where the tasks run, as closed in, and see what those see. */
export function defaultsOfHooks(defaults: TaskDefaultsInput): TaskDefaultsInput {
  return Object.fromEntries(Object.entries(defaults).filter(([key]) => !ownMatters.has(key)));
}
