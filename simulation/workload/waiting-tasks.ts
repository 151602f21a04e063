import type { Plan } from "#core/plan.ts";
import type { RandomStream } from "../world/random.ts";

/** Of the plans, those in which tasks wait without a worker; and of their tasks, those that do. */
const share = { plans: 0.25, tasks: 0.2 };
/** Some give up before what they wait for has come. */
const timeoutShare = 0.2;
const timeoutMs = 2000;

/** The plan with some of its tasks waiting for a time, without a worker. */
export function withWaitingTasks(plan: Plan, random: RandomStream): Plan {
  if (!random.chance(share.plans)) return plan;
  const tasks = plan.tasks.map((task) => {
    if (!random.chance(share.tasks)) return task;
    const waits = { timeoutMs: random.chance(timeoutShare) ? timeoutMs : null };
    return { ...task, operatorType: "wait", queueTimeoutMs: null, waits };
  });
  return { ...plan, tasks };
}
