import type { AttemptChange } from "#core/attempt-change.ts";
import { parentEdges } from "#core/graph.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { TaskState } from "#core/states.ts";
import { referenceEnd, referenceHook, referenceRule } from "./run-reference.ts";
import type { RunStep } from "./run-step.ts";

const terminal: ReadonlySet<TaskState> = new Set(["success", "failed", "upstream_failed", "skipped", "removed"]);

/** Steps of design.md's chart without mark and clear, which a row shows by its reason and its generation. */
const steps: Readonly<Partial<Record<TaskState, readonly TaskState[]>>> = {
  none: ["queued", "upstream_failed", "skipped", "success", "failed"],
  queued: ["running", "skipped", "failed"],
  running: ["success", "failed", "skipped", "up_for_retry", "queued"],
  up_for_retry: ["queued", "failed", "skipped"],
};

const outsideReasons: ReadonlySet<string | null> = new Set([
  "manual",
  "cancelled",
  "queue_timeout",
  "retry_timeout",
  "run_timeout",
]);

/** What a step may do to the rows that it writes. */
export function checkTransitions(step: RunStep): readonly string[] {
  const hasMark = step.decision.instances.some(({ next }) => next.reason === "manual");
  const { attempts } = step.decision;
  const opened = new Set(attempts.filter(({ kind }) => kind === "opened").map(({ ordinal }) => ordinal));
  const isReport = (change: AttemptChange): boolean => change.kind === "closed" && change.state !== "stopped";
  const reported = new Set(attempts.filter(isReport).map(({ ordinal }) => ordinal));
  return step.decision.instances.flatMap(({ next }) => {
    const row = step.before.instances[next.ordinal];
    return row === undefined
      ? []
      : checkTransition(step, row, next, {
          hasMark,
          isOpened: opened.has(next.ordinal),
          isReported: reported.has(next.ordinal),
        });
  });
}

interface StepFacts {
  /** Something was marked by hand. */
  readonly hasMark: boolean;
  /** An attempt of the instance was opened, or ended otherwise than by a stop order. */
  readonly isOpened: boolean;
  readonly isReported: boolean;
}

function checkTransition(
  step: RunStep,
  before: Instance,
  after: Instance,
  { hasMark, isOpened, isReported }: StepFacts,
): readonly string[] {
  const problems: string[] = [];
  const say = (text: string): unknown =>
    problems.push(`instance ${after.ordinal} ${before.state} → ${after.state}: ${text}`);
  const isNewLife = after.generation > before.generation;
  const isByHand = after.reason === "manual";
  const from = isNewLife ? "none" : before.state;
  if (after.generation < before.generation || after.fence < before.fence) say("generation and fence never fall");
  if (terminal.has(before.state) && !isNewLife) {
    const isRemovedItem =
      after.mapIndex !== null && after.state === "removed" && groupOf(step.after, after).generation > after.generation;
    if (
      after.state !== before.state &&
      !isByHand &&
      !isRemovedItem &&
      !isGone(step, after) &&
      !followsItemByHand(step, after)
    )
      say("a terminal state is final");
  } else if (!isByHand && after.state !== "removed" && !isReachable(from, after, isOpened)) say("not in the chart");
  if (isNewLife && after.fence <= before.fence) say("a new generation needs a new fence");
  const isRequeued = before.state === "up_for_retry" && after.state === "queued";
  const isEndedOutside =
    !terminal.has(before.state) && terminal.has(after.state) && !isReported && outsideReasons.has(after.reason);
  const isNewlyManual = isByHand && (before.reason !== "manual" || before.state !== after.state);
  const { failed, upstreamFailed } = after.parents;
  const isNewlyBroken = after.state === "upstream_failed" && (isNewLife || before.state === "none");
  const stemsFromExempt = after.exemptParents === failed + upstreamFailed;
  if (isNewlyBroken && !hasMark && !isOvertaken(step, after) && after.exempt !== stemsFromExempt)
    say("exempt does not follow from its parents");
  if ((isRequeued || isEndedOutside || isNewlyManual) && after.fence <= before.fence) say("the fence must grow");
  return problems;
}

/** What holds of every row of a run, whatever happened. */
export function checkInstance(run: RunAggregate, instance: Instance): readonly string[] {
  const problems: string[] = [];
  const say = (text: string): unknown => problems.push(`instance ${instance.ordinal} ${instance.state}: ${text}`);
  const isGroup = instance.itemsTotal > 0;
  if (instance.held !== instance.heldFence > 0 || instance.heldFence > instance.fence)
    say("held and held fence disagree");
  if (instance.state === "running" && !isGroup && instance.heldFence !== instance.fence)
    say("runs without being held under its fence (G3)");
  if (terminal.has(instance.state)) {
    if (instance.endedAt === null) say("has no end");
    if (instance.dueAt !== null || instance.waitsFor !== null || instance.awaitsEvaluation)
      say("still waits for something");
  }
  const task = run.plan.tasks[instance.task];
  if (instance.state === "queued" && !isGroup && task?.waits !== undefined && instance.waitsFor === null)
    say("needs no worker, but waits for one");
  if (instance.exempt && instance.state !== "failed" && instance.state !== "upstream_failed")
    say("is exempt without a failure");
  if (instance.state === "failed" && instance.exempt !== task?.allowFailure) say("exempt and allow_failure disagree");
  if (instance.mapIndex === null) problems.push(...checkParents(run, instance));
  else problems.push(...checkItem(run, instance));
  if (isGroup) problems.push(...checkGroup(run, instance));
  return problems;
}

/** In-degree and counts are a recount through the edges, and nothing waits whose rule is decided. */
function checkParents(run: RunAggregate, instance: Instance): readonly string[] {
  const parents = [...parentEdges(run.plan.graph, instance.task)].map((edge) => ({
    row: rowOf(run, edge.task),
    on: edge.on,
  }));
  const ended = parents
    .filter(({ row }) => terminal.has(row.state))
    .map(({ row, on }) => ({ end: referenceEnd(row.state, on), exempt: row.exempt }));
  const ends = ended.map(({ end }) => end);
  const waiting = parents.length - ended.length;
  const count = (kind: string): number => ends.filter((end) => end === kind).length;
  const expected = {
    inDegree: waiting,
    success: count("success"),
    failed: count("failed"),
    upstreamFailed: count("upstream_failed"),
    skipped: count("skipped"),
    exemptParents: ended.filter(({ end, exempt }) => exempt && (end === "failed" || end === "upstream_failed")).length,
  };
  const { success, failed, upstreamFailed, skipped } = instance.parents;
  const { inDegree, exemptParents } = instance;
  const found = { inDegree, success, failed, upstreamFailed, skipped, exemptParents };
  const problems: string[] = [];
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    problems.push(
      `instance ${instance.ordinal} counts ${JSON.stringify(found)}, its parents give ${JSON.stringify(expected)} (G5)`,
    );
  }
  const { triggerRule: rule = "all_success", hook } = run.plan.tasks[instance.task] ?? {};
  const states = parents.map(({ row }) => row.state);
  const verdict =
    hook === undefined
      ? referenceRule(rule, ends, waiting)
      : referenceHook(hook, states, hook.of === "run" && hasFailedTask(run));
  // A run that waits for room in its limits queues nothing.
  const mayWait = verdict === "wait" || (verdict === "run" && !run.run.isAdmitted);
  if (instance.state === "none" && !instance.awaitsEvaluation && !mayWait) {
    problems.push(`instance ${instance.ordinal} waits, but its rule ${rule} says ${verdict} (G2)`);
  }
  if (instance.awaitsEvaluation && (instance.state !== "none" || run.plan.tasks[instance.task]?.evaluated !== true)) {
    problems.push(`instance ${instance.ordinal} ${instance.state} has nothing to evaluate`);
  }
  return problems;
}

/** A task that is no hook has failed, and fails the run by that. */
function hasFailedTask({ instances, plan }: RunAggregate): boolean {
  return instances.some(({ task, mapIndex, state, exempt }) => {
    const isFailure = state === "failed" || state === "upstream_failed";
    return isFailure && !exempt && mapIndex === null && plan.tasks[task]?.hook === undefined;
  });
}

function checkItem(run: RunAggregate, item: Instance): readonly string[] {
  const group = groupOf(run, item);
  if (group.mapIndex !== null) return [`item ${item.ordinal} has no group`];
  const isOutlived = terminal.has(group.state) || group.generation !== item.generation;
  return isOutlived && !terminal.has(item.state) ? [`item ${item.ordinal} goes on though its group has ended`] : [];
}

/** A parent began again after the instance had ended, and left it as it was. */
function isOvertaken({ decision, after }: RunStep, instance: Instance): boolean {
  const lastOf = (eventType: string, ordinal: number): number =>
    decision.events.findLast((event) => event.eventType === eventType && event.ordinal === ordinal)?.sequence ?? 0;
  const ended = lastOf("task_instance.skipped", instance.ordinal);
  return [...parentEdges(after.plan.graph, instance.task)].some(
    (edge) => lastOf("task_instance.cleared", rowOf(after, edge.task).ordinal) > ended,
  );
}

/** Its version no longer has the task. */
function isGone({ after }: RunStep, { task, state }: Instance): boolean {
  return state === "removed" && task >= after.plan.tasks.length - after.run.removedTasks.length;
}

/** Counters of a group that goes on; one whose items have all ended is over. */
function checkGroup(run: RunAggregate, group: Instance): readonly string[] {
  const items = run.instances.filter(
    ({ mapIndex, task, generation }) => mapIndex !== null && task === group.task && generation === group.generation,
  );
  const ended = items.filter(({ state }) => terminal.has(state));
  const failed = items.filter(({ state }) => state === "failed");
  const problems: string[] = [];
  const say = (text: string): unknown => problems.push(`group ${group.ordinal} ${group.state}: ${text}`);
  if (group.held) say("holds an attempt though its items do the work");
  if (items.length !== group.itemsTotal) say(`${items.length} items of ${group.itemsTotal}`);
  const isOver = terminal.has(group.state);
  const isEndedByItems = isOver && (group.reason === null || group.reason === "items_failed");
  if (!isOver && ended.length === items.length) say("all items have ended, it has not");
  if (isOver && !isEndedByItems) return problems;
  if (group.itemsEnded !== ended.length || group.itemsFailed !== failed.length) say("counts its items wrongly");
  if (isEndedByItems && (group.state === "failed") !== failed.length > 0) say(`${failed.length} items failed`);
  if (!isOver && group.state === "queued" && items.some(({ state }) => state === "running")) say("an item runs");
  return problems;
}

/** An item's end was changed by hand in this step, and the group follows. */
function followsItemByHand({ decision }: RunStep, group: Instance): boolean {
  return decision.instances.some(
    ({ next }) => next.mapIndex !== null && next.task === group.task && next.reason === "manual",
  );
}

/**
 * Whether one step's chain of transitions leads there. A task runs only if the step opened an attempt of it; groups
 * begin to run and end with their items.
 */
function isReachable(from: TaskState, { state: to, itemsTotal }: Instance, isOpened: boolean): boolean {
  const isGroup = itemsTotal > 0;
  const reached = new Set<TaskState>([from]);
  for (const state of reached) {
    for (const next of steps[state] ?? []) if (next !== "running" || isOpened || isGroup) reached.add(next);
    if (isGroup && state === "queued") reached.add("success");
  }
  return reached.has(to);
}

function groupOf(run: RunAggregate, item: Instance): Instance {
  return rowOf(run, item.task);
}

/** The instance of a task, wherever it stands. */
export function rowOf({ instances }: RunAggregate, task: number): Instance {
  const own = instances[task];
  const row =
    own?.task === task && own.mapIndex === null
      ? own
      : instances.find((one) => one.task === task && one.mapIndex === null);
  if (row === undefined) throw new Error(`the run has no instance of task ${task}`);
  return row;
}
