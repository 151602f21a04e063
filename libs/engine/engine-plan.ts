import { buildGraph, type EdgeCondition, type Graph, type GraphNode, parentCount } from "#core/graph.ts";
import { decideRule, rulesThatNeedParents } from "#core/trigger-rule.ts";
import type { TaskMiddleware } from "./task-definition.ts";
import type { ResolvedOptions } from "./engine-options.ts";
import { GraphProblems } from "./graph-problems.ts";
import { dependencyCondition, dependencyId, type RegisteredTask } from "./registered-task.ts";

/** What all executions of the same tasks share; never changed once it is made. Tasks are numbered by registration. */
export interface EnginePlan {
  readonly options: ResolvedOptions;
  /** Around every handler, outermost first. */
  readonly middlewares: readonly TaskMiddleware[];
  /** Both grow with later registrations: only the first `graph.size` tasks belong to the plan. */
  readonly tasks: readonly RegisteredTask[];
  readonly places: ReadonlyMap<string, number>;
  readonly graph: Graph;
  /** How many dependencies each task waits for. */
  readonly waiting: Int32Array;
  /** The tasks whose rule holds before anything has ended, ascending. */
  readonly first: Int32Array;
  /** Something is around every handler: a middleware, or the default timeout. */
  readonly wrapsAll: boolean;
  /** 1: nothing but its handler is to be called. */
  readonly isPlain: Uint8Array;
  /** All rules are `all_success` and all edges `on: success`: a task is ready when nothing is left to wait for. */
  readonly isUniform: boolean;
}

export interface PlanInput {
  readonly options: ResolvedOptions;
  readonly middlewares: readonly TaskMiddleware[];
  readonly tasks: readonly RegisteredTask[];
  readonly places: ReadonlyMap<string, number>;
}

/** Throws an `INVALID_GRAPH` error that lists every problem of the graph. */
export function buildPlan({ options, middlewares, tasks, places }: PlanInput): EnginePlan {
  const problems = new GraphProblems(tasks, places);
  const graph = buildGraph(resolveEdges(tasks, places, problems));
  problems.addCycles(graph);
  problems.throwIfAny();
  const size = graph.size;
  const waiting = new Int32Array(size);
  const isPlain = new Uint8Array(size);
  const first: number[] = [];
  const wrapsAll = middlewares.length > 0 || options.defaultTaskTimeoutMs !== Number.POSITIVE_INFINITY;
  let isUniform = graph.conditions.every((condition) => condition === "success");
  tasks.forEach((task, index) => {
    const count = parentCount(graph, index);
    const { triggerRule } = task.extras;
    waiting[index] = count;
    if (!wrapsAll && task.isPlain) isPlain[index] = 1;
    if (triggerRule !== "all_success") isUniform = false;
    if (decideRule(triggerRule, count, 0, 0, 0, 0) === "run") first.push(index);
  });
  return {
    options,
    middlewares: [...middlewares],
    tasks,
    places,
    graph,
    waiting,
    first: Int32Array.from(first),
    wrapsAll,
    isPlain,
    isUniform,
  };
}

/** Each task's dependencies by place; what can't be resolved is a problem and no edge. */
function resolveEdges(
  tasks: readonly RegisteredTask[],
  places: ReadonlyMap<string, number>,
  problems: GraphProblems,
): readonly GraphNode[] {
  const edges = new SharedEdges();
  return tasks.map((task, index) => {
    const { dependsOn } = task;
    if (dependsOn.length === 0) {
      if (rulesThatNeedParents.has(task.extras.triggerRule)) problems.addRuleWithoutParents(task);
      return noParents;
    }
    const parents: Edge[] = [];
    for (const dependency of dependsOn) {
      const parent = places.get(dependencyId(dependency));
      if (parent === undefined) problems.addUnknown(task, dependencyId(dependency));
      else if (parent === index) problems.addSelf(task);
      else parents.push(edges.get(parent, dependencyCondition(dependency)));
    }
    if (parents.length > 1) problems.addRepeated(task, parents);
    return { parents };
  });
}

interface Edge {
  readonly task: number;
  readonly on: EdgeCondition;
}

const noParents: GraphNode = { parents: [] };

/** A task that many depend on is one object for all of them. */
class SharedEdges {
  readonly #onSuccess: Edge[] = [];

  get(task: number, on: EdgeCondition): Edge {
    if (on !== "success") return { task, on };
    return (this.#onSuccess[task] ??= { task, on });
  }
}
