import { accept, refuse } from "./event-verdict.ts";
import { endInstance } from "./attempt-events.ts";
import { endFromOutside, stopAttempt } from "./end-from-outside.ts";
import type { EventVerdict } from "./event-verdict.ts";
import { hasHeldAttempt, startFanOut } from "./fan-out.ts";
import { computeLayers } from "./graph.ts";
import { propagateEnds } from "./propagation.ts";
import type { RunDraft } from "./run-draft.ts";
import type { RunEvent } from "./run-event.ts";
import type { Instance } from "./run-model.ts";
import { isTerminal } from "./states.ts";
import { firstWaitOf } from "./unstarted-wait.ts";

type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;

/** What was found when `when`, `for_each` and `pool` of a ready task were looked at. */
export function applyEvaluated(draft: RunDraft, event: EventOf<"evaluated">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (!instance.awaitsEvaluation || instance.generation !== event.generation) return refuse("illegal_state");
  switch (event.result.kind) {
    case "run": {
      const queued = draft.put(
        {
          ...instance,
          state: "queued",
          awaitsEvaluation: false,
          waitsFor: firstWaitOf(draft.taskOf(instance)),
          queuedAt: draft.now,
        },
        "evaluation",
      );
      draft.emit("task_instance.queued", instance.ordinal);
      return accept(queued);
    }
    case "skip":
      return accept(endInstance(draft, { ...instance, state: "skipped", reason: "when" }, "evaluation"));
    case "fail": {
      const { errorCode, errorMessage } = event.result;
      const exempt = draft.taskOf(instance).allowFailure;
      return accept(
        endInstance(
          draft,
          { ...instance, state: "failed", reason: errorCode, lastError: errorMessage, exempt },
          "evaluation",
        ),
      );
    }
    case "fan_out":
      if (event.result.items.length > 0 && hasHeldAttempt(draft, instance)) return refuse("held");
      return accept(startFanOut(draft, instance, event.result.items));
  }
}

/** Everything that has not ended becomes skipped at once; running attempts are told to stop (G13). */
export function applyCancel(draft: RunDraft, event: EventOf<"cancel">): EventVerdict {
  const unfinished = listUnfinished(draft);
  if (unfinished.length === 0) return refuse("illegal_state");
  // Where only hooks go on, the tasks have made the run's state.
  const isHook = (instance: Instance): boolean => draft.taskOf(instance).hook !== undefined;
  if (!draft.hasFailed && !unfinished.every(isHook)) draft.cancelRequested = true;
  const reason = event.reason === "" ? "cancelled" : event.reason;
  for (const instance of unfinished) endFromOutside(draft, instance, { state: "skipped", reason, cause: "cancel" });
  propagateEnds(
    draft,
    unfinished.map((instance) => instance.ordinal),
  );
  return accept(null);
}

/**
 * What runs fails as timed out, what waits is skipped. Hooks go on, and those that wait for these ends follow: they have
 * timeouts of their own, so that the run's is over with this.
 */
export function applyRunTimeout(draft: RunDraft): EventVerdict {
  const unfinished = listUnfinished(draft).filter((instance) => draft.taskOf(instance).hook === undefined);
  if (unfinished.length === 0 && (draft.isSettled || draft.timeoutAt === null)) return refuse("illegal_state");
  const isRunning = (instance: Instance): boolean => instance.state === "running";
  // A run of which nothing runs fails by what waits for a worker or a retry: it must not pass as a success.
  const failing = unfinished.some(isRunning) ? isRunning : (instance: Instance): boolean => instance.state !== "none";
  for (const instance of unfinished) {
    const state = failing(instance) ? "failed" : "skipped";
    endFromOutside(draft, instance, { state, reason: "run_timeout", cause: "timeout" });
  }
  propagateEnds(
    draft,
    unfinished.map((instance) => instance.ordinal),
  );
  if (!draft.isSettled) draft.timeoutAt = null;
  return accept(null);
}

/** It waited too long for a worker, or all its attempts together took too long. */
export function applyInstanceTimeout(draft: RunDraft, event: EventOf<"instance_timeout">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (instance.itemsTotal > 0) return refuse("illegal_state");
  if (isTerminal(instance.state) || (event.which === "queue_timeout" && instance.state !== "queued"))
    return refuse("illegal_state");
  const message =
    event.which === "queue_timeout"
      ? "no worker took it within queue_timeout"
      : "all attempts together exceeded retry_timeout";
  stopAttempt(draft, instance, event.which);
  const exempt = draft.taskOf(instance).allowFailure;
  const next: Instance = {
    ...instance,
    state: "failed",
    reason: event.which,
    lastError: message,
    exempt,
    fence: instance.fence + 1,
  };
  return accept(endInstance(draft, next, "timeout"));
}

/** A pause keeps new attempts from starting; what runs goes on. */
export function applyPause(draft: RunDraft, event: EventOf<"pause">): EventVerdict {
  if (draft.isPaused === event.isPaused) return refuse("illegal_state");
  draft.isPaused = event.isPaused;
  draft.emit("dag_run.paused", null, { is_paused: event.isPaused });
  return accept(null);
}

/** What has not ended, parents before children, so that the events of their ends come in that order too (G7). */
function listUnfinished(draft: RunDraft): readonly Instance[] {
  const places = new Map(
    computeLayers(draft.plan.graph)
      .flat()
      .map((task, place) => [task, place]),
  );
  const placeOf = (instance: Instance): number => places.get(instance.task) ?? 0;
  const unfinished = [...draft.all()].filter((instance) => !isTerminal(instance.state));
  return unfinished.sort((a, b) => placeOf(a) - placeOf(b) || a.ordinal - b.ordinal);
}
