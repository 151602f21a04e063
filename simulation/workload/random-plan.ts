import { plainRuns } from "#core/plan.ts";
import { buildGraph, type EdgeCondition, type GraphNode } from "#core/graph.ts";
import type { Plan, PlanTask } from "#core/plan.ts";
import { rulesThatNeedParents, triggerRules } from "#core/trigger-rule.ts";
import type { RandomStream } from "../world/random.ts";
import { quietTask } from "./quiet-task.ts";

const conditions: readonly EdgeCondition[] = ["success", "success", "success", "completion", "failure"];
const maxParents = 3;

/** A random graph of so many tasks: chains, fans, any rule and edge, retries with short delays. */
export function randomPlan(random: RandomStream, taskCount: number): Plan {
  const nodes: GraphNode[] = [];
  const tasks: PlanTask[] = [];
  // How far back parents lie: near ones make chains, far ones fans.
  const reach = 1 + random.below(taskCount);
  for (let place = 0; place < taskCount; place += 1) {
    const parents = drawParents(random, place, reach);
    nodes.push({ parents });
    tasks.push(drawTask(random, place, parents.length > 0));
  }
  return { tasks, graph: buildGraph(nodes), ...plainRuns, priority: random.below(3) };
}

function drawParents(random: RandomStream, place: number, reach: number): GraphNode["parents"] {
  const parents = new Map<number, EdgeCondition>();
  if (place === 0 || random.chance(0.1)) return [];
  for (let count = 1 + random.below(maxParents); count > 0; count -= 1) {
    const task = Math.max(0, place - 1 - random.below(reach));
    parents.set(task, random.pick(conditions));
  }
  return [...parents].map(([task, on]) => ({ task, on }));
}

function drawTask(random: RandomStream, place: number, hasParents: boolean): PlanTask {
  const rule = random.chance(0.6) ? "all_success" : random.pick(triggerRules);
  return {
    ...quietTask,
    id: `t${place}`,
    triggerRule: !hasParents && rulesThatNeedParents.has(rule) ? "all_success" : rule,
    allowFailure: random.chance(0.2),
    evaluated: random.chance(0.2),
    retry: {
      ...quietTask.retry,
      maxRetries: random.below(3),
      delayMs: 10 + random.below(1000),
      backoffMultiplier: 2,
      maxDelayMs: 2000,
      jitter: 0.1,
      idempotent: random.chance(0.9),
    },
    queueTimeoutMs: random.chance(0.05) ? 5000 : null,
    graceMs: random.below(3000),
    priority: random.below(3) - 1,
  };
}
