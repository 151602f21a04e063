import { deadlineOf } from "./deadline-event.ts";
import { stopAttempt } from "./end-from-outside.ts";
import { itemsOf } from "./fan-out.ts";
import { childEdges } from "./graph.ts";
import { announceEnd, propagateEnds, recountParents, settleRule } from "./propagation.ts";
import type { RunDraft } from "./run-draft.ts";
import type { Instance } from "./run-model.ts";
import { isTerminal } from "./states.ts";

/** What an instance that has ended waits for, and holds of its items: nothing. */
const nothingLeft = {
  exempt: false,
  awaitsEvaluation: false,
  dueAt: null,
  waitsFor: null,
  itemsTotal: 0,
  itemsEnded: 0,
  itemsFailed: 0,
} as const;

/** These tasks begin a new generation; a child that stays as it is must still know that it waits for them again. */
export function clearTasks(draft: RunDraft, tasks: readonly number[]): void {
  for (const task of tasks) beginGeneration(draft, task);
  const recounted = new Set(tasks);
  for (const task of tasks) for (const child of childEdges(draft.plan.graph, task)) recounted.add(child.task);
  recountTasks(draft, recounted);
  settleTasks(draft, tasks);
}

/** In-degree and counts of these tasks, from scratch. */
export function recountTasks(draft: RunDraft, tasks: Iterable<number>): void {
  for (const task of tasks) draft.put(recountParents(draft, draft.ofTask(task)), "note");
}

/** Lets the rules of these tasks decide, where they wait, and tells the children of those that end by it. */
export function settleTasks(draft: RunDraft, tasks: readonly number[]): void {
  const ended = tasks.filter((task) => settleRule(draft, draft.ofTask(task)));
  propagateEnds(
    draft,
    ended.map((task) => draft.ofTask(task).ordinal),
  );
}

/** What begins again is no longer cancelled, and has the whole run timeout and deadline before it. */
export function reopen(draft: RunDraft): void {
  draft.cancelRequested = false;
  draft.timeoutAt = draft.plan.runTimeoutMs === null ? null : draft.now + draft.plan.runTimeoutMs;
  draft.deadlineAt = deadlineOf(draft.plan, draft.now);
  // It gave its room back when it ended: it takes some again in this step, or waits for it.
  if (!draft.wasEnded || draft.isAdmitted || draft.lacksRoom) return;
  draft.isAdmitted = true;
  settleTasks(draft, [...Array.from({ length: draft.taskCount }).keys()]);
}

/** The version has this task no more: it ends, unless it has, and its items with it. */
export function removeTask(draft: RunDraft, instance: Instance): void {
  leave(draft, instance);
  const endedAt = isTerminal(instance.state) ? instance.endedAt : draft.now;
  const removed = draft.put(
    { ...instance, ...nothingLeft, state: "removed", reason: null, fence: instance.fence + 1, endedAt },
    "clear",
  );
  announceEnd(draft, removed);
}

function beginGeneration(draft: RunDraft, task: number): void {
  const before = draft.ofTask(task);
  leave(draft, before);
  const cleared = draft.put(
    {
      ...before,
      ...nothingLeft,
      state: "none",
      reason: null,
      generation: before.generation + 1,
      fence: before.fence + 1,
      tryNumber: 0,
      infraTries: 0,
      freeTries: 0,
      queuedAt: null,
      firstStartedAt: null,
      startedAt: null,
      endedAt: null,
      lastError: null,
    },
    "clear",
  );
  draft.emit("task_instance.cleared", cleared.ordinal, { generation: cleared.generation });
}

/** Stops what runs of a task, drops its outputs and removes its items. */
function leave(draft: RunDraft, instance: Instance): void {
  for (const item of [...itemsOf(draft, instance)]) {
    stopAttempt(draft, item, "cleared");
    draft.outputs.push({ kind: "cleared", ordinal: item.ordinal });
    draft.put({ ...item, ...nothingLeft, state: "removed", fence: item.fence + 1, endedAt: draft.now }, "clear");
  }
  stopAttempt(draft, instance, "cleared");
  draft.outputs.push({ kind: "cleared", ordinal: instance.ordinal });
}
