import { closestName } from "#core/closest-name.ts";
import type { EdgeCondition } from "#core/graph.ts";
import { triggerRules } from "#core/trigger-rule.ts";
import { describeTimeoutProblem } from "#middleware/check-number.ts";
import { findRetryProblems } from "#middleware/retry-policy.ts";
import type { TaskDefinition } from "./task-definition.ts";
import { EngineError } from "./engine-error.ts";

const fieldNames: ReadonlySet<string> = new Set([
  "id",
  "dependsOn",
  "handler",
  "timeoutMs",
  "triggerRule",
  "when",
  "retry",
  "allowFailure",
  "middlewares",
] satisfies readonly (keyof TaskDefinition)[]);

const edgeConditions: readonly unknown[] = ["success", "failure", "completion"] satisfies readonly EdgeCondition[];

/**
 * Refuses a definition that is wrong in itself with an `INVALID_TASK` error that names all its faults. Whether its
 * dependencies exist is seen when the graph is built.
 */
export function checkTask(definition: unknown): asserts definition is TaskDefinition {
  const problems = findTaskProblems(definition);
  if (problems === null) return;
  const id = typeof definition === "object" && definition !== null && "id" in definition ? definition.id : undefined;
  const name = typeof id === "string" && id !== "" ? `task "${id}"` : "the task";
  throw new EngineError("INVALID_TASK", `${name} can't be registered: ${problems.join("; ")}`);
}

/** Null when nothing is wrong: the ordinary case makes no list. */
function findTaskProblems(definition: unknown): readonly string[] | null {
  if (typeof definition !== "object" || definition === null) {
    return ["it is no object; give { id, handler } and what else it needs"];
  }
  const { id, handler, dependsOn, timeoutMs, triggerRule, when, retry, allowFailure, middlewares } =
    definition as Readonly<Record<string, unknown>>;
  let problems: string[] | null = null;
  const add = (problem: string | null): void => {
    if (problem !== null) (problems ??= []).push(problem);
  };
  if (typeof id !== "string" || id === "") add("its id is no text, or empty; give it a name of its own");
  if (typeof handler !== "function") add("it has no handler; give it a function");
  if (dependsOn !== undefined) findDependencyProblems(dependsOn, add);
  if (timeoutMs !== undefined) add(describeTimeoutProblem("timeoutMs", timeoutMs));
  if (triggerRule !== undefined && !(triggerRules as readonly unknown[]).includes(triggerRule)) {
    add(`triggerRule is ${JSON.stringify(triggerRule)}; give one of ${triggerRules.join(", ")}`);
  }
  if (when !== undefined && typeof when !== "function") add("when is no function");
  if (retry !== undefined) findRetryProblems(retry).forEach(add);
  if (allowFailure !== undefined && typeof allowFailure !== "boolean") add("allowFailure is no boolean");
  if (middlewares !== undefined && !(Array.isArray(middlewares) && middlewares.every(isFunction))) {
    add("middlewares is no list of functions");
  }
  findMistypedFields(definition, add);
  return problems;
}

function findDependencyProblems(dependsOn: unknown, add: (problem: string) => void): void {
  if (!Array.isArray(dependsOn)) {
    add('dependsOn is no list; give ["other"]');
    return;
  }
  dependsOn.forEach((dependency: unknown, place) => {
    if (typeof dependency === "string") return;
    const { task, on } = (dependency ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof task !== "string")
      add(`dependsOn[${place}] names no task; give "other" or { task: "other", on: "failure" }`);
    else if (on !== undefined && !edgeConditions.includes(on)) {
      add(`dependsOn[${place}].on is ${JSON.stringify(on)}; give "success", "failure" or "completion"`);
    }
  });
}

/** A field that is nearly one of ours is a mistake; any other is the caller's own business. */
function findMistypedFields(definition: object, add: (problem: string) => void): void {
  for (const name of Object.keys(definition)) {
    if (fieldNames.has(name)) continue;
    const meant = closestName(name, fieldNames);
    if (meant !== null && !(meant in definition)) add(`there is no field ${name}; did you mean ${meant}?`);
  }
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}
