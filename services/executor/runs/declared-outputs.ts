import type { AttemptOutcome, RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { DeclaredOutputs } from "#definition/model.ts";
import { findOutputProblem } from "#definition/rendering/output-check.ts";

/**
 * The event as the rules are to judge it: a success without the outputs that its task declares is a failure, so that no
 * task below begins with what it can't use. It holds for whatever reports the success, a worker or a wait without one.
 */
export function withCheckedOutputs(run: RunAggregate, event: RunEvent): RunEvent {
  if (event.kind !== "outcome" && event.kind !== "answered") return event;
  const { outcome } = event;
  if (outcome.kind !== "success") return event;
  const task = run.plan.tasks[run.instances[event.ordinal]?.task ?? -1];
  if (task?.outputs === undefined) return event;
  // The plan carries what the definition says, which was checked when it was registered.
  const problem = findOutputProblem(task.outputs as DeclaredOutputs, outcome.outputs);
  return problem === null ? event : { ...event, outcome: invalidOutput(outcome.outputs, task.id, problem) };
}

function invalidOutput(
  outputs: Extract<AttemptOutcome, { kind: "success" }>["outputs"],
  taskId: string,
  problem: string,
): AttemptOutcome {
  const failure = {
    code: "invalid_output",
    message: `the outputs of ${taskId} are not as declared: ${problem}`,
    exitCode: null,
    signal: null,
    // The next attempt would leave the same.
    retryable: false,
    retryAfterMs: null,
    random: 0,
  };
  return { kind: "failed", failure, outputs };
}
