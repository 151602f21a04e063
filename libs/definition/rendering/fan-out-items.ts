import { AppError } from "#errors/app-error.ts";
import { type CompiledDefinition, type CompiledForEach, taskAt } from "./compile-definition.ts";
import { evaluateToJson, evaluateToText, type Scope } from "../expressions/evaluate-expression.ts";
import { isList } from "../json.ts";
import type { Json } from "../model.ts";
import type { RenderContext } from "./render-context.ts";
import { describeValue } from "../schema/schema-problems.ts";
import { taskScope } from "./task-scope.ts";

/** One element of the list that a task fans out over. */
export interface FanOutItem {
  /** Names the item; unique in its list. */
  readonly key: string;
  readonly value: Json;
}

const keyPattern = /^[A-Za-z0-9_.-]{1,100}$/;

/**
 * The items of a task; null when it does not fan out. Throws what `renderTask` throws, and EXPRESSION_FAILED for a value
 * that is no list, a list beyond the limit, and keys that are no names or not unique.
 */
export function evaluateItems(
  compiled: CompiledDefinition,
  taskIndex: number,
  context: RenderContext,
): readonly FanOutItem[] | null {
  const task = taskAt(compiled, taskIndex);
  const { forEach } = task;
  if (forEach === null) return null;
  const scope = taskScope(compiled, task, context);
  const list = evaluateToJson(forEach.items, scope);
  if (!isList(list)) {
    const advice = typeof list === "string" ? " (a task leaves a list when it writes its outputs as JSON)" : "";
    throw failure(forEach, `must give a list, not ${describeValue(list)}${advice}`);
  }
  if (list.length > forEach.limit) {
    throw failure(forEach, `gives ${list.length} items, more than its \`limit\` of ${forEach.limit}`);
  }
  const places = new Map<string, number>();
  return list.map((value, index) => {
    const key = keyOf(forEach, { ...scope, context: { ...scope.context, item: { value, index } } }, index);
    const earlier = places.get(key);
    if (earlier !== undefined) throw failure(forEach, `gives the key ${key} to the items ${earlier} and ${index}`);
    places.set(key, index);
    return { key, value };
  });
}

function keyOf(forEach: CompiledForEach, scope: Scope, index: number): string {
  if (forEach.key === null) return String(index);
  const key = evaluateToText(forEach.key, scope);
  if (keyPattern.test(key)) return key;
  const found = describeValue(key);
  throw failure(
    forEach,
    `gives item ${index} a key that can't be used, ${found}: it has 1 to 100 letters, digits, \`_\`, \`.\` or \`-\``,
  );
}

function failure({ items }: CompiledForEach, message: string): AppError {
  return new AppError("EXPRESSION_FAILED", `\`for_each: ${items.source}\` ${message}`, {
    details: { expression: items.source },
  });
}
