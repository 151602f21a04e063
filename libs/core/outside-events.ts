import { accept, closeAttempt, endInstance, refuse } from "./attempt-events.ts";
import type { EventVerdict } from "./decision.ts";
import { itemsOf, noteItemEnd, startFanOut } from "./fan-out.ts";
import { withDescendants } from "./graph.ts";
import { announceEnd, propagateEnds, recountParents, settleRule, swapEnd } from "./propagation.ts";
import type { RunDraft } from "./run-draft.ts";
import type { RunEvent } from "./run-event.ts";
import type { Instance } from "./run-model.ts";
import { isTerminal, type TerminalState } from "./states.ts";
import type { TransitionCause } from "./transition-table.ts";

type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;

/** What was found when `when`, `for_each` and `pool` of a ready task were looked at. */
export function applyEvaluated(draft: RunDraft, event: EventOf<"evaluated">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (!instance.awaitsEvaluation || instance.generation !== event.generation) return refuse("illegal_state");
  switch (event.result.kind) {
    case "run": {
      const queued = draft.put({ ...instance, state: "queued", awaitsEvaluation: false, queuedAt: draft.now }, "evaluation");
      draft.emit("task_instance.queued", instance.ordinal);
      return accept(queued);
    }
    case "skip":
      return accept(endInstance(draft, { ...instance, state: "skipped", reason: "when" }, "evaluation"));
    case "fail": {
      const { errorCode, errorMessage } = event.result;
      const exempt = draft.taskOf(instance).allowFailure;
      return accept(endInstance(draft, { ...instance, state: "failed", reason: errorCode, lastError: errorMessage, exempt }, "evaluation"));
    }
    case "fan_out":
      return accept(startFanOut(draft, instance, event.result.items));
  }
}

/** Everything that has not ended becomes skipped at once; running attempts are told to stop (G13). */
export function applyCancel(draft: RunDraft, event: EventOf<"cancel">): EventVerdict {
  const unfinished = [...draft.all()].filter((instance) => !isTerminal(instance.state));
  if (unfinished.length === 0) return refuse("illegal_state");
  if (!draft.hasFailed) draft.cancelRequested = true;
  const reason = event.reason === "" ? "cancelled" : event.reason;
  for (const instance of unfinished) endFromOutside(draft, instance, "skipped", reason, "cancel");
  propagateEnds(draft, unfinished.map((instance) => instance.ordinal));
  return accept(null);
}

/** What runs fails as timed out, what waits is skipped. */
export function applyRunTimeout(draft: RunDraft): EventVerdict {
  const unfinished = [...draft.all()].filter((instance) => !isTerminal(instance.state));
  if (unfinished.length === 0) return refuse("illegal_state");
  for (const instance of unfinished) {
    endFromOutside(draft, instance, instance.state === "running" ? "failed" : "skipped", "run_timeout", "timeout");
  }
  propagateEnds(draft, unfinished.map((instance) => instance.ordinal));
  return accept(null);
}

/** It waited too long for a worker, or all its attempts together took too long. */
export function applyInstanceTimeout(draft: RunDraft, event: EventOf<"instance_timeout">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (isTerminal(instance.state) || (event.which === "queue_timeout" && instance.state !== "queued")) return refuse("illegal_state");
  const message = event.which === "queue_timeout" ? "no worker took it within queue_timeout" : "all attempts together exceeded retry_timeout";
  stopAttempt(draft, instance, event.which);
  const exempt = draft.taskOf(instance).allowFailure;
  const next: Instance = { ...instance, state: "failed", reason: event.which, lastError: message, exempt, fence: instance.fence + 1 };
  return accept(endInstance(draft, next, "timeout"));
}

/** A pause keeps new attempts from starting; what runs goes on. */
export function applyPause(draft: RunDraft, event: EventOf<"pause">): EventVerdict {
  if (draft.isPaused === event.isPaused) return refuse("illegal_state");
  draft.isPaused = event.isPaused;
  draft.emit("dag_run.paused", null, { is_paused: event.isPaused });
  return accept(null);
}

/** States set by hand. Terminal ones are swapped in the children's counts, others end now. */
export function applyMark(draft: RunDraft, event: EventOf<"mark">): EventVerdict {
  if (event.ordinals.some((ordinal) => draft.find(ordinal) === undefined)) return refuse("unknown_instance");
  const marked = new Set(event.ordinals);
  if (event.includeDownstream) {
    const below = withDescendants(draft.plan.graph, tasksOf(draft, marked));
    clearInstances(draft, [...below].filter((task) => !marked.has(task)));
  }
  const exempt = (instance: Instance): boolean => event.state === "failed" && draft.taskOf(instance).allowFailure;
  for (const ordinal of marked) {
    const before = draft.get(ordinal);
    if (!isTerminal(before.state)) {
      for (const item of [...itemsOf(draft, before)]) {
        if (before.mapIndex === null && !isTerminal(item.state)) endFromOutside(draft, item, "skipped", "manual", "mark");
      }
      endFromOutside(draft, before, event.state, "manual", "mark");
      noteItemEnd(draft, draft.get(ordinal));
      propagateEnds(draft, [ordinal]);
      continue;
    }
    const after = draft.put(
      { ...before, state: event.state, reason: "manual", exempt: exempt(before), fence: before.fence + 1, endedAt: draft.now },
      "mark",
    );
    announceEnd(draft, after);
    if (before.mapIndex === null) swapEnd(draft, before, after);
  }
  draft.cancelRequested = false;
  return accept(null);
}

/** A rerun: these tasks and everything below them begin a new generation, and the cancel flag is gone. */
export function applyClear(draft: RunDraft, event: EventOf<"clear">): EventVerdict {
  if (event.ordinals.some((ordinal) => draft.find(ordinal) === undefined)) return refuse("unknown_instance");
  if (event.ordinals.length === 0) return refuse("illegal_state");
  clearInstances(draft, [...withDescendants(draft.plan.graph, tasksOf(draft, event.ordinals))]);
  draft.cancelRequested = false;
  return accept(null);
}

function clearInstances(draft: RunDraft, tasks: readonly number[]): void {
  for (const task of tasks) {
    const before = draft.get(task);
    for (const item of [...itemsOf(draft, before)]) {
      stopAttempt(draft, item, "cleared");
      draft.put({ ...item, state: "removed", fence: item.fence + 1, endedAt: draft.now }, "clear");
    }
    stopAttempt(draft, before, "cleared");
    draft.outputs.push({ kind: "cleared", ordinal: task });
    draft.put(
      {
        ...before,
        state: "none",
        reason: null,
        generation: before.generation + 1,
        fence: before.fence + 1,
        tryNumber: 0,
        infraTries: 0,
        freeTries: 0,
        exempt: false,
        awaitsEvaluation: false,
        dueAt: null,
        waitsFor: null,
        queuedAt: null,
        firstStartedAt: null,
        startedAt: null,
        endedAt: null,
        lastError: null,
        itemsTotal: 0,
        itemsEnded: 0,
        itemsFailed: 0,
      },
      "clear",
    );
  }
  for (const task of tasks) draft.put(recountParents(draft, draft.get(task)), "note");
  propagateEnds(draft, tasks.filter((task) => settleRule(draft, draft.get(task))));
}

/** Ends an instance whatever it does; its attempt keeps its slots until it is released. */
function endFromOutside(draft: RunDraft, instance: Instance, state: TerminalState, reason: string, cause: TransitionCause): void {
  stopAttempt(draft, instance, reason);
  const exempt = state === "failed" && draft.taskOf(instance).allowFailure;
  const next = draft.put(
    { ...instance, state, reason, exempt, fence: instance.fence + 1, endedAt: draft.now, dueAt: null, waitsFor: null, awaitsEvaluation: false },
    cause,
  );
  announceEnd(draft, next);
}

/** Orders the worker of a running attempt to kill it. */
function stopAttempt(draft: RunDraft, instance: Instance, reason: string): void {
  if (instance.state !== "running" || !instance.held || instance.workerKey === null) return;
  closeAttempt(draft, instance, { state: "stopped", errorCode: reason, errorMessage: `stopped: ${reason}` });
  draft.stops.push({
    ordinal: instance.ordinal,
    generation: instance.generation,
    tryNumber: instance.tryNumber,
    fence: instance.heldFence,
    workerKey: instance.workerKey,
    reason,
    graceMs: draft.taskOf(instance).graceMs,
  });
}


function tasksOf(draft: RunDraft, ordinals: Iterable<number>): readonly number[] {
  return [...ordinals].map((ordinal) => draft.get(ordinal).task);
}
