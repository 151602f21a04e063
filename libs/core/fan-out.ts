import { announceEnd, propagateEnds, swapEnd } from "./propagation.ts";
import type { RunDraft } from "./run-draft.ts";
import type { Instance } from "./run-model.ts";
import { isTerminal } from "./states.ts";
import { firstWaitOf } from "./unstarted-wait.ts";

/** The reason of a group that failed because an item did. */
const itemsFailedReason = "items_failed";

/**
 * A fan-out is a group instance (the task itself, `mapIndex` null) and its items, instances of their own. The group
 * is `queued` until an item starts, `running` while items go on, then `failed` if one failed for good, else `success`.
 * Children and the run look at the group alone.
 */
export function startFanOut(draft: RunDraft, group: Instance, items: readonly { readonly key: string }[]): Instance {
  if (items.length === 0) {
    draft.outputs.push({
      kind: "written",
      ordinal: group.ordinal,
      generation: group.generation,
      key: "items",
      json: "[]",
      at: draft.now,
    });
    const ended = draft.put(
      { ...group, state: "success", reason: "empty_for_each", awaitsEvaluation: false, endedAt: draft.now },
      "evaluation",
    );
    announceEnd(draft, ended);
    propagateEnds(draft, [ended.ordinal]);
    return draft.get(group.ordinal);
  }
  const next = draft.put(
    {
      ...group,
      state: "queued",
      awaitsEvaluation: false,
      queuedAt: draft.now,
      itemsTotal: items.length,
      itemsEnded: 0,
      itemsFailed: 0,
    },
    "evaluation",
  );
  draft.emit("task_instance.queued", group.ordinal, { items: items.length });
  const fence = highestFence(draft, group);
  items.forEach(({ key }, mapIndex) => {
    const item = draft.add({
      ...group,
      fence,
      mapIndex,
      itemKey: key,
      state: "queued",
      awaitsEvaluation: false,
      waitsFor: firstWaitOf(draft.taskOf(group)),
      queuedAt: draft.now,
      inDegree: 0,
    });
    draft.emit("task_instance.queued", item.ordinal, { map_index: mapIndex });
  });
  return next;
}

/** An item shares its name with those of earlier generations: their fences must never be its own (G3). */
function highestFence(draft: RunDraft, group: Instance): number {
  let highest = group.fence;
  for (const { task, fence } of draft.all()) if (task === group.task && fence > highest) highest = fence;
  return highest;
}

/** The first item that starts takes its group along. */
export function noteItemStart(draft: RunDraft, item: Instance): void {
  if (item.mapIndex === null) return;
  const group = draft.ofTask(item.task);
  if (group.state !== "queued") return;
  draft.put(
    { ...group, state: "running", startedAt: draft.now, firstStartedAt: group.firstStartedAt ?? draft.now },
    "group",
  );
  draft.emit("task_instance.running", group.ordinal);
}

/** Counts an item's end; the last one ends the group, unless it was ended from outside before. */
export function noteItemEnd(draft: RunDraft, item: Instance): void {
  if (item.mapIndex === null) return;
  const group = draft.ofTask(item.task);
  if (isTerminal(group.state) || group.generation !== item.generation) return;
  const counted: Instance = {
    ...group,
    itemsEnded: group.itemsEnded + 1,
    itemsFailed: group.itemsFailed + (item.state === "failed" ? 1 : 0),
  };
  if (counted.itemsEnded < counted.itemsTotal) {
    draft.put(counted, "note");
    return;
  }
  const ended = draft.put(endOfGroup(draft, counted), "group");
  announceEnd(draft, ended);
  propagateEnds(draft, [group.ordinal]);
}

/**
 * Counts a group's items once more, which are those of its generation, and ends it when the last of them has. Answers the
 * group as it was when all of it is so already.
 */
export function settleGroup(draft: RunDraft, group: Instance, items: readonly Instance[]): Instance {
  const itemsTotal = group.state === "removed" ? 0 : items.length;
  const itemsEnded = items.filter(({ state }) => isTerminal(state)).length;
  const itemsFailed = items.filter(({ state }) => state === "failed").length;
  const endedByItems = group.reason === null || group.reason === itemsFailedReason;
  const isCounting = itemsTotal > 0 && (!isTerminal(group.state) || endedByItems);
  const counted: Instance = { ...group, itemsTotal, ...(isCounting ? { itemsEnded, itemsFailed } : {}) };
  const isOver = isCounting && itemsEnded === itemsTotal && !isTerminal(group.state);
  const isSame =
    counted.itemsTotal === group.itemsTotal &&
    counted.itemsEnded === group.itemsEnded &&
    counted.itemsFailed === group.itemsFailed;
  if (isSame && !isOver) return group;
  draft.put(counted, "note");
  if (!isOver) return counted;
  const ended = draft.put(endOfGroup(draft, counted), "group");
  announceEnd(draft, ended);
  propagateEnds(draft, [group.ordinal]);
  return draft.get(group.ordinal);
}

/** A mark changed the end of an item: its group follows, unless it was itself ended by hand or from outside. */
export function swapItemEnd(draft: RunDraft, before: Instance, after: Instance): void {
  const group = draft.ofTask(after.task);
  const endedByItems = group.reason === null || group.reason === itemsFailedReason;
  if (group.generation !== after.generation || (isTerminal(group.state) && !endedByItems)) return;
  const itemsFailed = group.itemsFailed + Number(after.state === "failed") - Number(before.state === "failed");
  if (itemsFailed === group.itemsFailed) return;
  const end = endOfGroup(draft, { ...group, itemsFailed });
  if (end.state === group.state || !isTerminal(group.state)) {
    draft.put({ ...group, itemsFailed }, "note");
    return;
  }
  const swapped = draft.put({ ...end, fence: group.fence + 1 }, "mark");
  announceEnd(draft, swapped);
  swapEnd(draft, group, swapped);
}

/** The group with the end that the counts of its items give it. */
function endOfGroup(draft: RunDraft, counted: Instance): Instance {
  const failed = counted.itemsFailed > 0;
  return {
    ...counted,
    state: failed ? "failed" : "success",
    reason: failed ? itemsFailedReason : null,
    exempt: failed && draft.taskOf(counted).allowFailure,
    lastError: failed ? `${counted.itemsFailed} of ${counted.itemsTotal} items failed` : counted.lastError,
    endedAt: draft.now,
  };
}

/** A fan-out that had to wait for old attempts of its task (G4) is looked at again once the last of them is gone. */
export function noteRelease(draft: RunDraft, freed: Instance): void {
  const group = draft.ofTask(freed.task);
  if (group.awaitsEvaluation && !hasHeldAttempt(draft, group)) draft.evaluateOrdinals.push(group.ordinal);
}

/** Whether an attempt of the task, of whatever item and generation, may still be alive. */
export function hasHeldAttempt(draft: RunDraft, group: Instance): boolean {
  if (group.generation === 1) return false;
  for (const instance of draft.all()) if (instance.task === group.task && instance.held) return true;
  return false;
}

/** The items of a group's present generation. */
export function* itemsOf(draft: RunDraft, group: Instance): Generator<Instance> {
  if (group.itemsTotal === 0) return;
  for (const instance of draft.all()) {
    if (instance.mapIndex !== null && instance.task === group.task && instance.generation === group.generation)
      yield instance;
  }
}
