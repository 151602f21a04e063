import type { CompiledDefinition, CompiledTask } from "./compile-definition.ts";
import { noShellValues } from "./compile-value.ts";
import type { Scope } from "../expressions/evaluate-expression.ts";
import { isEqual, ownValue } from "../json.ts";
import type { JsonObject } from "../model.ts";
import type { RenderContext } from "./render-context.ts";

/** What the expressions of a task see: the context with the task's own parameters. */
export function taskScope(compiled: CompiledDefinition, task: CompiledTask, context: RenderContext): Scope {
  const params = resolveTaskParameters(compiled, task, context);
  return { context: params === context.params ? context : { ...context, params }, doubles: compiled.doubles };
}

/** Definition < task < trigger: a value that whoever triggered the run gave stays. */
function resolveTaskParameters(compiled: CompiledDefinition, task: CompiledTask, context: RenderContext): JsonObject {
  const names = Object.keys(task.definition.parameters);
  if (names.length === 0) return context.params;
  const own = task.parameters.render({ context, doubles: compiled.doubles }, noShellValues) as JsonObject;
  const applied = names.filter((name) => !isGiven(compiled, name, context));
  return { ...context.params, ...Object.fromEntries(applied.map((name) => [name, own[name] ?? null])) };
}

function isGiven(compiled: CompiledDefinition, name: string, context: RenderContext): boolean {
  if (context.givenParameters !== undefined) return context.givenParameters.includes(name);
  const value = ownValue(context.params, name);
  if (value === undefined) return false;
  const fallback = compiled.defaults.get(name);
  if (fallback === undefined) return true;
  // A default that reads the clock can't be computed again, so it can't be told from a given value.
  if (fallback.expressions.some((expression) => expression.keepsTime)) return false;
  return !isEqual(value, fallback.render({ context, doubles: compiled.doubles }, noShellValues));
}
