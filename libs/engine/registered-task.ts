import type { EdgeCondition } from "#core/graph.ts";
import type { TriggerRule } from "#core/trigger-rule.ts";
import { resolveRetry, type ResolvedRetry } from "#middleware/retry-policy.ts";
import type { Dependency, TaskContext, TaskDefinition, TaskMiddleware } from "./task-definition.ts";

/** What only some tasks have. */
export interface TaskExtras {
  /** Null: the engine's default. */
  readonly timeoutMs: number | null;
  readonly triggerRule: TriggerRule;
  readonly when: ((context: TaskContext) => boolean | Promise<boolean>) | null;
  readonly retry: ResolvedRetry | null;
  readonly allowFailure: boolean;
  readonly middlewares: readonly TaskMiddleware[];
}

const plainExtras: TaskExtras = {
  timeoutMs: null,
  triggerRule: "all_success",
  when: null,
  retry: null,
  allowFailure: false,
  middlewares: [],
};

/**
 * A definition as it was when it was registered, with one shape for all: the loop that starts tasks reads nothing else.
 * `extras` is one shared object for the many tasks that have none.
 */
export class RegisteredTask {
  readonly id: string;
  readonly handler: (context: TaskContext) => unknown;
  /** What `this` is in its functions. */
  readonly definition: TaskDefinition;
  readonly dependsOn: readonly Dependency[];
  readonly extras: TaskExtras;

  /** The definition has been checked. */
  constructor(definition: TaskDefinition) {
    this.id = definition.id;
    this.handler = definition.handler;
    this.definition = definition;
    this.dependsOn = definition.dependsOn ?? noDependencies;
    this.extras = readExtras(definition);
  }

  /** Nothing but a handler: no wrapping, no clock, no second try. The rule may be any. */
  get isPlain(): boolean {
    const { extras } = this;
    return (
      extras === plainExtras ||
      (extras.timeoutMs === null && extras.when === null && extras.retry === null && extras.middlewares.length === 0)
    );
  }
}

const noDependencies: readonly Dependency[] = [];

export function dependencyId(dependency: Dependency): string {
  return typeof dependency === "string" ? dependency : dependency.task;
}

export function dependencyCondition(dependency: Dependency): EdgeCondition {
  return typeof dependency === "string" ? "success" : (dependency.on ?? "success");
}

function readExtras(definition: TaskDefinition): TaskExtras {
  const { timeoutMs, triggerRule, when, retry, allowFailure, middlewares } = definition;
  const hasNone =
    timeoutMs === undefined &&
    triggerRule === undefined &&
    when === undefined &&
    retry === undefined &&
    allowFailure !== true &&
    middlewares === undefined;
  if (hasNone) return plainExtras;
  return {
    timeoutMs: timeoutMs ?? null,
    triggerRule: triggerRule ?? "all_success",
    when: when ?? null,
    retry: retry === undefined ? null : resolveRetry(retry),
    allowFailure: allowFailure ?? false,
    middlewares: middlewares === undefined ? [] : [...middlewares],
  };
}
