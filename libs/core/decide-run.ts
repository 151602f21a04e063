import { applyAdmit } from "./admission.ts";
import { applyClaim, applyLost, applyOutcome, applyReleased, applyRetryDue } from "./attempt-events.ts";
import { applyDeadline } from "./deadline-event.ts";
import type { Decision } from "./decision.ts";
import { accept, type EventVerdict, refuse } from "./event-verdict.ts";
import { applyCancel, applyEvaluated, applyInstanceTimeout, applyPause, applyRunTimeout } from "./outside-events.ts";
import { isLimited } from "./limits.ts";
import type { PlanTask } from "./plan.ts";
import { applyClear, applyMark, applyRerun } from "./repair-events.ts";
import { RunDraft } from "./run-draft.ts";
import type { RunEvent } from "./run-event.ts";
import type { Instance, RunAggregate } from "./run-model.ts";
import { applyAnswered, applyWaitBegun } from "./wait-events.ts";

/** Which worker gets an instance that the events made ready: its row key, or null to leave it to the dispatcher. */
export type HandOff = (instance: Instance, task: PlanTask) => number | null;

export interface DecideOptions {
  readonly handOff?: HandOff | undefined;
  /** What was ready before is handed on too, not only what the events make ready. */
  readonly handsOnWaiting?: boolean;
  readonly lacksRoom?: boolean;
}

/**
 * What a batch of events changes in one run, in their order; null when all of them are refused. Pure: the same run,
 * events and `now` (the store's clock, milliseconds) always give the same decision. With `handOff` what becomes ready
 * is claimed in the same decision; its attempts are among those opened. `lacksRoom`: the write has just found no room in a
 * limit, so that nothing is decided that needs any.
 */
export function decideRun(
  run: RunAggregate,
  events: readonly RunEvent[],
  now: number,
  { handOff, handsOnWaiting = false, lacksRoom = false }: DecideOptions = {},
): Decision | null {
  const draft = new RunDraft(run, now, lacksRoom);
  const verdicts = events.map((event) => applyEvent(draft, event));
  if (handOff !== undefined) {
    for (const ordinal of draft.readyOrdinals(handsOnWaiting)) {
      const instance = draft.get(ordinal);
      if (isLimited(draft.plan, draft.taskOf(instance))) continue;
      const workerKey = handOff(instance, draft.taskOf(instance));
      if (workerKey === null) continue;
      const { generation, tryNumber } = instance;
      applyClaim(draft, { kind: "claim", ordinal, generation, tryNumber: tryNumber + 1, workerKey });
    }
  }
  return draft.finish(verdicts);
}

/** The verdicts alone, for events that changed nothing. */
export function judgeEvents(
  run: RunAggregate,
  events: readonly RunEvent[],
  now: number,
  lacksRoom = false,
): readonly EventVerdict[] {
  const draft = new RunDraft(run, now, lacksRoom);
  return events.map((event) => applyEvent(draft, event));
}

function applyEvent(draft: RunDraft, event: RunEvent): EventVerdict {
  switch (event.kind) {
    case "claim":
      return applyClaim(draft, event);
    case "outcome":
      return applyOutcome(draft, event);
    case "released":
      return applyReleased(draft, event);
    case "lost":
      return applyLost(draft, event);
    case "retry_due":
      return applyRetryDue(draft, event);
    case "instance_timeout":
      return applyInstanceTimeout(draft, event);
    case "wait_begun":
      return applyWaitBegun(draft, event);
    case "answered":
      return applyAnswered(draft, event);
    case "run_timeout":
      return applyRunTimeout(draft);
    case "deadline":
      return applyDeadline(draft);
    case "evaluated":
      return applyEvaluated(draft, event);
    case "offer":
      // Only the hand-off that follows changes anything.
      return draft.readyOrdinals(true).length === 0 ? refuse("nothing_to_do") : accept(null);
    case "admit":
      return applyAdmit(draft);
    case "cancel":
      return applyCancel(draft, event);
    case "pause":
      return applyPause(draft, event);
    case "mark":
      return applyMark(draft, event);
    case "clear":
      return applyClear(draft, event);
    case "rerun":
      return applyRerun(draft, event);
  }
}
