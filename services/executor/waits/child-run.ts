import type { AttemptOutcome } from "#core/run-event.ts";
import { definitionLimits } from "#definition/limits.ts";
import type { RunRequest } from "#operators/trigger-dag-operator.ts";
import type { ChildOfWait, OpenWait, StoredWait } from "#ports/wait-store.ts";
import { failWith, lookAgain, succeed, type WaitDeps } from "./wait-deps.ts";

/** Of one round; others follow in the next. */
const maxChildrenPerRound = 200;

function requestOf({ details }: Pick<StoredWait, "details">): RunRequest {
  // It was read from checked fields before it was stored.
  return details as unknown as RunRequest;
}

/**
 * Makes the run that the wait asks for. The request's id follows from the attempt, so that whoever looks again, in
 * whatever process, gets the same run (G6). Its end is found by `settleChildren`.
 */
export async function lookAtRun(deps: WaitDeps, wait: OpenWait): Promise<AttemptOutcome> {
  const request = requestOf(wait);
  if (wait.childRunId !== null) return lookAgain(null);
  if (wait.depth > definitionLimits.triggerDepth) {
    const message = `${definitionLimits.triggerDepth} runs have triggered each other in a row, the last one ${wait.runId}; look for a loop of \`trigger_dag\``;
    return failWith(deps, { code: "configuration", message });
  }
  if (deps.makeRun === null) {
    const message = "`trigger_dag` needs a server: no scheduler runs here";
    return failWith(deps, { code: "configuration", message });
  }
  const { dagId, parameters, logicalAt, replaceExisting } = request;
  const requestId = `${wait.ordinal}/${wait.generation}.${wait.tryNumber}`;
  const asked = { dagId, parameters, logicalAt, replaceExisting, parentRunId: wait.runId, requestId };
  const childRunId = await deps.makeRun(asked);
  await deps.store.waits.setChild(wait, childRunId);
  if (request.wait) return lookAgain(null);
  await deps.store.waits.closeChild(wait);
  return succeed({ dag_run_id: childRunId });
}

/** Ends the waits whose run has ended, and cancels runs that nothing waits for any more. Answers how many it looked at. */
export async function settleChildren(deps: WaitDeps): Promise<number> {
  const children = await deps.store.waits.listChildren(maxChildrenPerRound);
  await Promise.all(children.map((child) => settleChild(deps, child)));
  return children.length;
}

async function settleChild(deps: WaitDeps, { wait, fence, child }: ChildOfWait): Promise<void> {
  const { store, submit } = deps;
  const { runKey, ordinal } = wait;
  if (fence !== null) {
    const outcome = outcomeOfChild(deps, wait, child);
    // Refused: it has ended otherwise since, and so has its child.
    await submit({ runKey, event: { kind: "answered", ordinal, fence, outcome }, freesSlotOf: null });
  } else if (child !== null && !child.hasEnded) {
    const cancel = { kind: "cancel", reason: "parent_ended" } as const;
    await submit({ runKey: child.runKey, event: cancel, freesSlotOf: null });
  }
  await store.waits.closeChild(wait);
}

function outcomeOfChild(deps: WaitDeps, wait: StoredWait, child: ChildOfWait["child"]): AttemptOutcome {
  const dagRunId = wait.childRunId ?? "";
  if (child === null) {
    return failWith(deps, { code: "not_found", message: `run ${dagRunId} is gone before its end was seen` });
  }
  const outputs = { dag_run_id: dagRunId, state: child.state };
  if (!requestOf(wait).failOn.includes(child.state)) return succeed(outputs);
  return failWith(deps, { code: "run_failed", message: `run ${dagRunId} ended ${child.state}`, outputs });
}

/** How many runs have triggered each other up to the one that a wait of this run would make. */
export async function depthOfChild({ store }: Pick<WaitDeps, "store">, runId: string): Promise<number> {
  return (await store.waits.depthOf(runId)) + 1;
}
