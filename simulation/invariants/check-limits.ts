import { needsOfAttempt, needsOfRun, type SlotNeed } from "#core/limits.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { SimState } from "../database/sim-state.ts";

/** A run and its attempts hold the slots that they need, no others, and no limit has more holders than its size. */
export function checkLimits({ slots, pools }: SimState, run: RunAggregate): readonly string[] {
  const needed = needsOf(run);
  const held = [...slots.all()].filter(({ holder }) => holder.runKey === run.run.runKey);
  const problems: string[] = [];
  const missing = subtract(
    needed.map(nameOf),
    held.map(({ limit, holder }) => `${limit} of ${holder.ordinal}`),
  );
  const idle = subtract(
    held.map(({ limit, holder }) => `${limit} of ${holder.ordinal}`),
    needed.map(nameOf),
  );
  if (missing.length > 0) problems.push(`${run.run.runId} lacks the slots ${missing.join(", ")}`);
  if (idle.length > 0) problems.push(`${run.run.runId} holds slots for nothing: ${idle.join(", ")}`);
  for (const { limit, size } of needed) {
    const used = [...slots.all()].filter((slot) => slot.limit === limit).length;
    const most = size ?? [...pools.values()].find(({ name }) => limit === `pool/${name}`)?.size ?? 0;
    if (used > most) problems.push(`${limit} has ${used} holders, ${most} are allowed`);
  }
  return problems;
}

function needsOf({ run, instances, plan }: RunAggregate): readonly SlotNeed[] {
  const ofAttempts = instances.flatMap(({ held, task, ordinal }) => {
    const planTask = plan.tasks[task];
    return held && planTask !== undefined ? needsOfAttempt(plan, planTask, { dagKey: run.dagKey, ordinal }) : [];
  });
  return run.isAdmitted && run.endedAt === null ? [...needsOfRun(plan, run), ...ofAttempts] : ofAttempts;
}

function nameOf({ limit, ordinal }: SlotNeed): string {
  return `${limit} of ${ordinal}`;
}

function subtract(from: readonly string[], less: readonly string[]): readonly string[] {
  const left = [...less];
  return from.filter((one) => {
    const place = left.indexOf(one);
    if (place === -1) return true;
    left.splice(place, 1);
    return false;
  });
}
