import { buildGraph, parentEdges } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { Plan, PlanTask } from "#core/plan.ts";
import type { RandomStream } from "../world/random.ts";
import { quietTask } from "./quiet-task.ts";

/** Of the plans, those with hooks; of their tasks, and of each end of a run, those that have one. */
const share = { plans: 0.3, tasks: 0.3, ends: 0.6 };
const ends: readonly Hook["on"][] = ["success", "failure"];

/** The plan with hooks of some of its tasks and of its runs behind its tasks. */
export function withHooks(plan: Plan, random: RandomStream): Plan {
  if (!random.chance(share.plans)) return plan;
  const own = [...plan.tasks.keys()];
  const nodes = own.map((task) => ({ parents: [...parentEdges(plan.graph, task)] }));
  const tasks: PlanTask[] = [...plan.tasks];
  const add = (waitsFor: readonly number[], hook: Hook): void => {
    const owner = hook.of === "task" ? (plan.tasks[waitsFor[0] ?? -1]?.id ?? "") : "";
    nodes.push({ parents: waitsFor.map((task) => ({ task, on: "success" })) });
    tasks.push({ ...quietTask, id: `${owner}.on_${hook.on}`, allowFailure: true, hook });
  };
  for (const task of own) if (random.chance(share.tasks)) add([task], { of: "task", on: random.pick(ends) });
  for (const on of ends) if (random.chance(share.ends)) add(own, { of: "run", on });
  return { ...plan, tasks, graph: buildGraph(nodes) };
}
