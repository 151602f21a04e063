import { accept, refuse } from "./event-verdict.ts";
import { closeAttempt, endInstance } from "./attempt-events.ts";
import type { EventVerdict } from "./event-verdict.ts";
import { hasHeldAttempt, itemsOf, noteItemEnd, startFanOut, swapItemEnd } from "./fan-out.ts";
import { childEdges, computeLayers } from "./graph.ts";
import { withDescendants } from "./reachability.ts";
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
      const queued = draft.put(
        { ...instance, state: "queued", awaitsEvaluation: false, queuedAt: draft.now },
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
  if (!draft.hasFailed) draft.cancelRequested = true;
  const reason = event.reason === "" ? "cancelled" : event.reason;
  for (const instance of unfinished) endFromOutside(draft, instance, "skipped", reason, "cancel");
  propagateEnds(
    draft,
    unfinished.map((instance) => instance.ordinal),
  );
  return accept(null);
}

/** What runs fails as timed out, what waits is skipped. */
export function applyRunTimeout(draft: RunDraft): EventVerdict {
  const unfinished = listUnfinished(draft);
  if (unfinished.length === 0) return refuse("illegal_state");
  const isRunning = (instance: Instance): boolean => instance.state === "running";
  // A run of which nothing runs fails by what waits for a worker or a retry: it must not pass as a success.
  const failing = unfinished.some(isRunning) ? isRunning : (instance: Instance): boolean => instance.state !== "none";
  for (const instance of unfinished) {
    endFromOutside(draft, instance, failing(instance) ? "failed" : "skipped", "run_timeout", "timeout");
  }
  propagateEnds(
    draft,
    unfinished.map((instance) => instance.ordinal),
  );
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

/**
 * States set by hand. Terminal ones are swapped in the children's counts, others end now; what is to be cleared below
 * them is cleared after that, so that its rules see the new ends.
 */
export function applyMark(draft: RunDraft, event: EventOf<"mark">): EventVerdict {
  if (event.ordinals.some((ordinal) => draft.find(ordinal) === undefined)) return refuse("unknown_instance");
  if (event.ordinals.length === 0) return refuse("illegal_state");
  const marked = new Set(event.ordinals);
  for (const ordinal of marked) markInstance(draft, draft.get(ordinal), event.state);
  if (event.includeDownstream) {
    const tasks = new Set(tasksOf(draft, marked));
    const below = withDescendants(draft.plan.graph, tasks);
    clearInstances(
      draft,
      [...below].filter((task) => !tasks.has(task)),
    );
  }
  if (event.includeDownstream) reopen(draft);
  return accept(null);
}

function markInstance(draft: RunDraft, before: Instance, state: EventOf<"mark">["state"]): void {
  if (!isTerminal(before.state)) {
    for (const item of [...itemsOf(draft, before)]) {
      if (!isTerminal(item.state)) endFromOutside(draft, item, "skipped", "manual", "mark");
    }
    endFromOutside(draft, before, state, "manual", "mark");
    noteItemEnd(draft, draft.get(before.ordinal));
    propagateEnds(draft, [before.ordinal]);
    return;
  }
  const exempt = state === "failed" && draft.taskOf(before).allowFailure;
  const after = draft.put(
    { ...before, state, reason: "manual", exempt, fence: before.fence + 1, endedAt: draft.now },
    "mark",
  );
  announceEnd(draft, after);
  if (before.mapIndex === null) swapEnd(draft, before, after);
  else swapItemEnd(draft, before, after);
}

/** A rerun: these tasks and everything below them begin a new generation, and the cancel flag is gone. */
export function applyClear(draft: RunDraft, event: EventOf<"clear">): EventVerdict {
  if (event.ordinals.some((ordinal) => draft.find(ordinal) === undefined)) return refuse("unknown_instance");
  if (event.ordinals.length === 0) return refuse("illegal_state");
  clearInstances(draft, [...withDescendants(draft.plan.graph, tasksOf(draft, event.ordinals))]);
  reopen(draft);
  return accept(null);
}

/** These tasks begin a new generation; a child that stays as it is must still know that it waits for them again. */
/** What begins again is no longer cancelled, and has the whole run timeout before it. */
function reopen(draft: RunDraft): void {
  draft.cancelRequested = false;
  draft.timeoutAt = draft.plan.runTimeoutMs === null ? null : draft.now + draft.plan.runTimeoutMs;
}

function clearInstances(draft: RunDraft, tasks: readonly number[]): void {
  for (const task of tasks) {
    const before = draft.get(task);
    for (const item of [...itemsOf(draft, before)]) {
      stopAttempt(draft, item, "cleared");
      draft.outputs.push({ kind: "cleared", ordinal: item.ordinal });
      draft.put(
        {
          ...item,
          state: "removed",
          exempt: false,
          fence: item.fence + 1,
          endedAt: draft.now,
          dueAt: null,
          waitsFor: null,
        },
        "clear",
      );
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
  const recounted = new Set(tasks);
  for (const task of tasks) for (const child of childEdges(draft.plan.graph, task)) recounted.add(child.task);
  for (const task of recounted) draft.put(recountParents(draft, draft.get(task)), "note");
  propagateEnds(
    draft,
    tasks.filter((task) => settleRule(draft, draft.get(task))),
  );
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

/** Ends an instance whatever it does; its attempt keeps its slots until it is released. */
function endFromOutside(
  draft: RunDraft,
  instance: Instance,
  state: TerminalState,
  reason: string,
  cause: TransitionCause,
): void {
  stopAttempt(draft, instance, reason);
  const exempt = state === "failed" && draft.taskOf(instance).allowFailure;
  const next = draft.put(
    {
      ...instance,
      state,
      reason,
      exempt,
      fence: instance.fence + 1,
      endedAt: draft.now,
      dueAt: null,
      waitsFor: null,
      awaitsEvaluation: false,
    },
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
