import type { NoteDifference, RecordedAttempt } from "./difference.ts";
import type { RunDraft } from "./run-draft.ts";
import type { Instance } from "./run-model.ts";

/**
 * Makes an instance held by the attempt that is not released, and by nothing otherwise (G3, G4). An attempt that the
 * records call running though its instance is not is closed, and stays held until its worker has stopped it. Answers
 * whether the instance is held then.
 */
export function recountHolder(
  draft: RunDraft,
  instance: Instance,
  attempts: readonly RecordedAttempt[],
  note: NoteDifference,
): boolean {
  const { ordinal } = instance;
  const open = attempts.filter(({ isReleased }) => !isReleased).toSorted((a, b) => b.fence - a.fence);
  const [current, ...older] = open;
  for (const attempt of older) {
    note({ part: "holder", ordinal, recorded: `${nameOf(attempt)} is open`, follows: "a later one is" });
    if (attempt.isRunning) supersede(draft, attempt);
    draft.attempts.push({ kind: "released", ordinal, fence: attempt.fence, releasedAt: draft.now });
  }
  if (current === undefined) {
    const isReleased = attempts.some(({ fence }) => fence === instance.heldFence);
    if (!instance.held || !isReleased) return instance.held;
    note({ part: "holder", ordinal, recorded: holderText(instance), follows: "its attempt is released" });
    draft.put({ ...instance, held: false, heldFence: 0 }, "note");
    return false;
  }
  const held: Instance = {
    ...instance,
    held: true,
    heldFence: current.fence,
    workerKey: current.workerKey,
    fence: Math.max(instance.fence, current.fence),
  };
  if (holderText(held) !== holderText(instance) || held.fence !== instance.fence) {
    note({ part: "holder", ordinal, recorded: holderText(instance), follows: holderText(held) });
    draft.put(held, "note");
  }
  if (current.isRunning && instance.state !== "running") {
    note({ part: "holder", ordinal, recorded: `${nameOf(current)} runs`, follows: `its task is ${instance.state}` });
    supersede(draft, current);
  }
  return true;
}

function supersede(draft: RunDraft, { ordinal, generation, tryNumber }: RecordedAttempt): void {
  draft.attempts.push({
    kind: "closed",
    ordinal,
    generation,
    tryNumber,
    state: "superseded",
    endedAt: draft.now,
    exitCode: null,
    signal: null,
    errorCode: "superseded",
    errorMessage: "the state of its task was changed beside it",
    retryReason: null,
    nextRetryAt: null,
    backoffDelayMs: null,
  });
}

function holderText({ held, heldFence, workerKey }: Instance): string {
  return held ? `held under fence ${heldFence} by worker row ${workerKey}` : "not held";
}

function nameOf({ generation, tryNumber, fence }: RecordedAttempt): string {
  return `attempt ${tryNumber} of generation ${generation} under fence ${fence}`;
}
