import type { EvaluationResult } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";

/** How the simulated system is set up. */
export interface Deployment {
  readonly handOff: boolean;
  readonly backend: "stream" | "kafka";
  readonly redispatchAfterMs: number;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly scanMs: number;
  readonly drainTimeoutMs: number;
  /** What `when` and `for_each` of a task come to. */
  readonly evaluate: (run: RunAggregate, instance: Instance) => EvaluationResult;
}
