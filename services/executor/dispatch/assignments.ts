import type { EvaluationResult } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { Assignment } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { RenderedWait } from "../waits/wait-plan.ts";

/** Renders what attempts need. Failures are AppErrors that name the value that can't be rendered. */
export interface Assignments {
  /** At the claim; at once where everything is known, so that a hand-off rides on its acknowledgement. */
  build(run: RunAggregate, instance: Instance): Assignment | Promise<Assignment>;
  /** What `when` and `for_each` of a ready task say. */
  evaluate(run: RunAggregate, instance: Instance): Promise<EvaluationResult>;
  /** The fields of a task that waits without a worker, with the number of the attempt that its answer will be. */
  renderWait(run: RunAggregate, instance: Instance): Promise<RenderedWait>;
  /** Reads what the runs' assignments will need, while their claims are being written. Never rejects. */
  prefetch(runKeys: readonly number[]): Promise<void>;
}
