import type { CompiledDefinition, CompiledTask } from "./compile-definition.ts";
import { noShellValues } from "./compile-value.ts";
import type { Scope } from "../expressions/evaluate-expression.ts";
import { createStepBudget } from "../expressions/evaluation-steps.ts";
import { isEqual, ownValue } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type { RenderContext } from "./render-context.ts";

/**
 * What the expressions of a task see: the context with the task's own parameters. All that is evaluated in it, and the
 * parameters, share the steps of one evaluation.
 */
export function taskScope(compiled: CompiledDefinition, task: CompiledTask, context: RenderContext): Scope {
  const { doubles } = compiled;
  const steps = createStepBudget();
  const params = resolveTaskParameters(compiled, task, { context, doubles, steps });
  return { context: params === context.params ? context : { ...context, params }, doubles, steps };
}

/** Definition < task < trigger: a value that whoever triggered the run gave stays. */
function resolveTaskParameters(compiled: CompiledDefinition, task: CompiledTask, scope: Scope): JsonObject {
  const { context } = scope;
  const names = Object.keys(task.definition.parameters);
  if (names.length === 0) return context.params;
  const own = task.parameters.render(scope, noShellValues) as JsonObject;
  const applied = names.filter((name) => !isGiven(compiled, name, scope));
  return { ...context.params, ...Object.fromEntries(applied.map((name) => [name, own[name] ?? null])) };
}

function isGiven(compiled: CompiledDefinition, name: string, scope: Scope): boolean {
  const { context } = scope;
  if (context.givenParameters !== undefined) return context.givenParameters.includes(name);
  const value = ownValue(context.params, name);
  if (value === undefined) return false;
  const fallback = compiled.defaults.get(name);
  if (fallback === undefined) return true;
  // A default that reads the clock can't be computed again, so it can't be told from a given value.
  if (fallback.expressions.some((expression) => expression.keepsTime)) return false;
  return !isEqual(value, fallback.render(scope, noShellValues));
}
