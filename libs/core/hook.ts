import type { Instance } from "./run-model.ts";
import type { RuleVerdict } from "./trigger-rule.ts";

/** What makes a hook of a task: whose end it waits for, and which end it runs at. Nothing ever waits for a hook. */
export interface Hook {
  readonly of: "task" | "run";
  readonly on: "success" | "failure";
}

/**
 * What a hook does instead of following a trigger rule. One of a task runs when its task itself succeeded or failed: a task
 * that was skipped, or never called because another one failed, has no such end. One of the run runs when all its tasks
 * have ended, and one of them failed the run (`hasFailed`) or none did.
 */
export function decideHook(
  { of, on }: Hook,
  { inDegree, parents }: Pick<Instance, "inDegree" | "parents">,
  hasFailed: boolean,
): RuleVerdict {
  if (inDegree > 0) return "wait";
  const count = on === "success" ? parents.success : parents.failed;
  const isMet = of === "run" ? hasFailed === (on === "failure") : count > 0;
  return isMet ? "run" : "skipped";
}
