import { plainRuns, type Plan, type PlanTask } from "#core/plan.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import type { RandomStream } from "../world/random.ts";

const poolName = "shared";

/** How many runs of a DAG are asked for, and its plan with the limits that they meet. */
export interface LimitedWork {
  readonly plan: Plan;
  readonly runCount: number;
}

/** Gives some plans limits of runs and attempts, more runs than may be active, and tasks that share a small pool. */
export function withLimits(plan: Plan, random: RandomStream): LimitedWork {
  if (!random.chance(0.4)) return { plan, runCount: 1 };
  const maxActiveRuns = random.chance(0.7) ? 1 + random.below(2) : plainRuns.maxActiveRuns;
  const maxActiveTasks = random.chance(0.4) ? 1 + random.below(3) : plainRuns.maxActiveTasks;
  const inPool = (task: PlanTask): PlanTask => (random.chance(0.3) ? { ...task, pool: poolName } : task);
  const limited = { ...plan, tasks: plan.tasks.map(inPool), maxActiveRuns, maxActiveTasks };
  return { plan: limited, runCount: maxActiveRuns === null ? 1 : 1 + random.below(3) };
}

export function makePool({ state }: SimDatabase, random: RandomStream): void {
  state.pools.set(poolName, { name: poolName, size: 1 + random.below(2), description: "" });
}
