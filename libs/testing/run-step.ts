import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";

/** A run, what was decided about it, and the run with that written. */
export interface RunStep {
  readonly before: RunAggregate;
  readonly decision: Decision;
  readonly after: RunAggregate;
}

/** The run with a decision written, as a store does it: rows replaced, new ones at the end. Nothing is checked. */
export function applyDecision(before: RunAggregate, decision: Decision): RunAggregate {
  const instances = [...before.instances];
  for (const { next } of decision.instances) instances[next.ordinal] = next;
  return { run: decision.run, instances, plan: decision.plan };
}
