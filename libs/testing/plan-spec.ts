import type { Plan } from "#core/plan.ts";
import { buildPlan, type TaskSpec } from "./plan-builder.ts";

/** A plan as plain JSON, so that it can stand for a definition in a store under test. */
export interface PlanSpec extends Partial<Omit<Plan, "tasks" | "graph">> {
  readonly tasks: readonly TaskSpec[];
}

/** The `toPlan` of stores under test. */
export function planOfSpec(definition: unknown): Plan {
  const { tasks, ...run } = definition as PlanSpec;
  return buildPlan(tasks, run);
}
