import { applyLost } from "./attempt-events.ts";
import type { Difference, NoteDifference, Recount, RecordedAttempt } from "./difference.ts";
import { completeRun } from "./complete-run.ts";
import type { InstanceChange } from "./decision.ts";
import { endFromOutside } from "./end-from-outside.ts";
import { itemsOf, noteItemStart, settleGroup } from "./fan-out.ts";
import { propagateEnds, recountParents, settleRule } from "./propagation.ts";
import { recountHolder } from "./recount-holder.ts";
import { RunDraft } from "./run-draft.ts";
import type { Instance, RunAggregate, RunRow, StateCounts } from "./run-model.ts";
import { computeRunState, isSettled, noInstances } from "./run-state.ts";
import { isTerminal, taskStates } from "./states.ts";

/**
 * Everything in a run's rows that follows from others of them, computed once more; null when all of it is as it should
 * be. States of instances are taken as they are, unless a rule or a group's items decide them; rows that are missing come
 * first. `attempts`: those that are not released, those that instances say they hold, and all of missing instances.
 * "incomplete": rows are missing that nothing tells of.
 */
export function recountRun(
  found: RunAggregate,
  attempts: readonly RecordedAttempt[],
  now: number,
): Recount | "incomplete" | null {
  const completed = completeRun(found, attempts, now);
  if (completed === null) return "incomplete";
  const { run, restored } = completed;
  const differences: Difference[] = [];
  const note: NoteDifference = (difference) => void differences.push(difference);
  for (const ordinal of restored) note({ part: "rows", ordinal, recorded: "no row", follows: "one instance a task" });
  const draft = new RunDraft({ ...run, run: recountRow(run, note) }, now);
  for (const instance of run.instances) recountFlags(draft, instance, note);
  for (const task of run.plan.tasks.keys()) recountTask(draft, task, note);
  recountItems(draft, run, note);
  recountHolders(draft, attempts, note);
  settleReady(draft, note);
  endOutlived(draft, note);
  if (differences.length === 0) return null;
  // The draft writes a run that something of was put.
  for (const ordinal of [0, ...restored]) draft.put(draft.get(ordinal), "note");
  const decision = draft.finish([]);
  if (decision === null) return null;
  const isChanged = ({ next }: InstanceChange): boolean =>
    restored.has(next.ordinal) || JSON.stringify(next) !== JSON.stringify(run.instances[next.ordinal]);
  const instances = decision.instances.filter(isChanged).map((change): InstanceChange => {
    return restored.has(change.next.ordinal) ? { ...change, guard: null } : change;
  });
  return { differences, decision: { ...decision, instances } };
}

function recountHolders(draft: RunDraft, attempts: readonly RecordedAttempt[], note: NoteDifference): void {
  const byOrdinal = Map.groupBy(attempts, ({ ordinal }) => ordinal);
  for (let ordinal = 0; ordinal < draft.size; ordinal += 1) {
    const held = recountHolder(draft, draft.get(ordinal), byOrdinal.get(ordinal) ?? [], note);
    const instance = draft.get(ordinal);
    const isWithoutAttempt = instance.state === "running" && !held && instance.itemsTotal === 0;
    if (isWithoutAttempt) giveUpRunning(draft, instance, note);
  }
}

/** The run's row with its counts put right; its state and its end are left to `finish`, which publishes what changes. */
function recountRow({ run, instances }: RunAggregate, note: NoteDifference): RunRow {
  const counts: Record<keyof StateCounts, number> = { ...noInstances };
  let exemptCount = 0;
  let heldCount = 0;
  let firstStartedAt: number | null = null;
  for (const instance of instances) {
    if (instance.held) heldCount += 1;
    if (instance.mapIndex !== null) continue;
    counts[instance.state] += 1;
    const isFailure = instance.state === "failed" || instance.state === "upstream_failed";
    if (instance.exempt && isFailure) exemptCount += 1;
    const at = instance.firstStartedAt;
    if (at !== null) firstStartedAt = Math.min(at, firstStartedAt ?? at);
  }
  const everStarted = run.everStarted || run.startedAt !== null || instances.some(({ tryNumber }) => tryNumber > 0);
  const startedAt = everStarted ? (run.startedAt ?? firstStartedAt) : null;
  const recorded = countsText(run);
  const follows = countsText({ counts, exemptCount, heldCount });
  if (recorded !== follows) note({ part: "counts", ordinal: null, recorded, follows });
  if (everStarted !== run.everStarted || (startedAt === null) !== (run.startedAt === null))
    note({ part: "start", ordinal: null, recorded: "not started", follows: "started" });
  const state = computeRunState({ ...run, counts, exemptCount, everStarted });
  if (state !== run.state) note({ part: "state", ordinal: null, recorded: run.state, follows: state });
  const isOver = isSettled(counts) && heldCount === 0;
  if (isOver !== (run.endedAt !== null)) {
    const text = (ended: boolean): string => (ended ? "ended" : "goes on");
    note({ part: "end", ordinal: null, recorded: text(!isOver), follows: text(isOver) });
  }
  return { ...run, counts, exemptCount, heldCount, everStarted, startedAt };
}

/** What its own state and its task say of an instance. */
function recountFlags(draft: RunDraft, instance: Instance, note: NoteDifference): void {
  const { ordinal, state } = instance;
  const task = draft.taskOf(instance);
  const exempt = state === "failed" ? task.allowFailure : state === "upstream_failed" ? instance.exempt : false;
  if (exempt !== instance.exempt) {
    note({ part: "exempt", ordinal, recorded: String(instance.exempt), follows: String(exempt) });
    draft.put({ ...instance, exempt }, "note");
  }
  if (!instance.awaitsEvaluation || (state === "none" && task.evaluated)) return;
  note({ part: "readiness", ordinal, recorded: "awaits evaluation", follows: "has nothing to evaluate" });
  draft.put({ ...draft.get(ordinal), awaitsEvaluation: false }, "note");
}

/** In-degree and counts of the parents' ends (G5). */
function recountTask(draft: RunDraft, task: number, note: NoteDifference): void {
  const before = draft.ofTask(task);
  const after = recountParents(draft, before);
  const recorded = textOf(parentsOf(before));
  const follows = textOf(parentsOf(after));
  if (recorded === follows) return;
  note({ part: "parents", ordinal: before.ordinal, recorded, follows });
  draft.put(after, "note");
}

function parentsOf({ inDegree, parents, exemptParents }: Instance): object {
  const { success, failed, upstreamFailed, skipped } = parents;
  return { inDegree, success, failed, upstreamFailed, skipped, exemptParents };
}

/** Groups count the items of their generation, begin with the first and end with the last of them. */
function recountItems(draft: RunDraft, run: RunAggregate, note: NoteDifference): void {
  const items = run.instances.filter(({ mapIndex }) => mapIndex !== null);
  const byTask = Map.groupBy(items, ({ task }) => task);
  for (const task of run.plan.tasks.keys()) {
    const group = draft.ofTask(task);
    const own = (byTask.get(task) ?? []).filter(({ generation }) => generation === group.generation);
    const counted = settleGroup(draft, own.length === 0 ? group : keepUnderWay(draft, group), own);
    if (counted !== group) {
      const text = (one: Instance): string =>
        textOf({ state: one.state, total: one.itemsTotal, ended: one.itemsEnded, failed: one.itemsFailed });
      note({ part: "items", ordinal: group.ordinal, recorded: text(group), follows: text(counted) });
    }
  }
  for (const item of items) {
    const group = draft.ofTask(item.task);
    if (item.state !== "running" || group.state !== "queued" || group.generation !== item.generation) continue;
    note({ part: "items", ordinal: group.ordinal, recorded: "queued", follows: "running" });
    noteItemStart(draft, item);
  }
}

/** A group that has items waits for nothing but them. */
function keepUnderWay(draft: RunDraft, group: Instance): Instance {
  if (group.state !== "none" && group.state !== "up_for_retry") return group;
  const cause = group.state === "none" ? "rule" : "retry_due";
  return draft.put({ ...group, state: "queued", awaitsEvaluation: false, dueAt: null }, cause);
}

/** No item goes on when its group has ended, or begun another generation. */
function endOutlived(draft: RunDraft, note: NoteDifference): void {
  for (const item of draft.all()) {
    if (item.mapIndex === null || isTerminal(item.state)) continue;
    const group = draft.ofTask(item.task);
    if (!isTerminal(group.state) && group.generation === item.generation) continue;
    note({ part: "items", ordinal: item.ordinal, recorded: item.state, follows: "ended with its group" });
    endFromOutside(draft, item, { state: "skipped", reason: "cancelled", cause: "cancel" });
    settleGroup(draft, group, [...itemsOf(draft, group)]);
  }
}

/** Nobody has an attempt of it: it is as if its worker had given it up, at no cost. */
function giveUpRunning(draft: RunDraft, instance: Instance, note: NoteDifference): void {
  const { ordinal, fence } = instance;
  draft.put({ ...instance, held: true, heldFence: fence }, "note");
  applyLost(draft, { kind: "lost", ordinal, fence, free: true });
  note({ part: "holder", ordinal, recorded: "running", follows: "no attempt of it is open" });
}

/** Nothing waits whose rule is decided (G2). */
function settleReady(draft: RunDraft, note: NoteDifference): void {
  const ended: number[] = [];
  for (const task of draft.plan.tasks.keys()) {
    const before = draft.ofTask(task);
    if (settleRule(draft, before)) ended.push(before.ordinal);
    const after = draft.ofTask(task);
    if (after === before) continue;
    const follows = after.awaitsEvaluation ? "awaits evaluation" : after.state;
    note({ part: "readiness", ordinal: before.ordinal, recorded: before.state, follows });
  }
  propagateEnds(draft, ended);
}

/** The counts that are not zero; stores keep their keys in an order of their own. */
function countsText({ counts, exemptCount, heldCount }: Pick<RunRow, "counts" | "exemptCount" | "heldCount">): string {
  const states = taskStates.flatMap((state) => (counts[state] === 0 ? [] : [`${counts[state]} ${state}`]));
  return [...states, `${exemptCount} exempt`, `${heldCount} held`].join(", ");
}

function textOf(value: unknown): string {
  return JSON.stringify(value);
}
