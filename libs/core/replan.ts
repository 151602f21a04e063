import { clearTasks, recountTasks, removeTask, settleTasks } from "./clear-tasks.ts";
import { newInstance } from "./create-run.ts";
import { computeLayers, parentEdges } from "./graph.ts";
import type { Plan } from "./plan.ts";
import { ruleOf } from "./propagation.ts";
import { withDescendants } from "./reachability.ts";
import { withRemovedTasks } from "./removed-tasks.ts";
import type { RunDraft } from "./run-draft.ts";
import type { RerunTarget } from "./run-event.ts";
import type { Instance } from "./run-model.ts";
import { isTerminal } from "./states.ts";

type Version = NonNullable<RerunTarget["version"]>;

/**
 * Moves a run to another version and begins again what must: the tasks that `choose` answers, those that can't stay as
 * they are, and everything below them. Tasks keep their instances by their ids; new ones are added, those that the
 * version no longer has are removed.
 */
export function replanRun(draft: RunDraft, version: Version, choose: () => readonly number[]): void {
  const before = draft.plan;
  const known = new Set(before.tasks.map((task) => task.id));
  moveInstances(draft, version);
  const tasks = [...version.plan.tasks.keys()];
  recountRun(draft);
  const isMoved = createMoveCheck(draft, before);
  const again = tasks.filter((task) => isMoved(draft.ofTask(task)));
  const below = withDescendants(draft.plan.graph, [...choose(), ...again]);
  clearTasks(
    draft,
    [...below].filter((task) => known.has(draft.plan.tasks[task]?.id ?? "")),
  );
  settleTasks(draft, tasks);
}

/** Gives every instance its place in the plan of the version, removes those that have none there, adds the new ones. */
function moveInstances(draft: RunDraft, version: Version): void {
  const before = draft.plan;
  const own = new Set(version.plan.tasks.map((task) => task.id));
  const removed = before.tasks.map((task) => task.id).filter((id) => !own.has(id));
  const plan = withRemovedTasks(version.plan, removed);
  const places = new Map(plan.tasks.map((task, place) => [task.id, place]));
  for (const instance of [...draft.all()]) {
    const isGone = instance.mapIndex === null && !own.has(draft.taskOf(instance).id);
    if (isGone && instance.state !== "removed") removeTask(draft, instance);
  }
  for (const instance of [...draft.all()]) {
    const task = places.get(draft.taskOf(instance).id) ?? -1;
    const exempt = instance.state === "failed" ? (plan.tasks[task]?.allowFailure ?? false) : instance.exempt;
    draft.put({ ...instance, task, exempt }, "note");
  }
  const known = new Set(before.tasks.map((task) => task.id));
  version.plan.tasks.forEach((task, place) => {
    if (!known.has(task.id)) draft.add(newInstance(place, 0));
  });
  draft.replan(plan, version.versionKey, removed);
}

/** In-degrees and counts by the new edges, parents first: whether a task is exempt may follow from whether they are. */
function recountRun(draft: RunDraft): void {
  for (const task of computeLayers(draft.plan.graph).flat()) {
    recountTasks(draft, [task]);
    const instance = draft.ofTask(task);
    if (instance.state !== "upstream_failed") continue;
    const { failed, upstreamFailed } = instance.parents;
    draft.put({ ...instance, exempt: instance.exemptParents === failed + upstreamFailed }, "note");
  }
}

/**
 * Whether an instance can't stay as it is: it is back again, its version decides otherwise about what waits or was
 * never called, or it began before a parent that it did not have.
 */
function createMoveCheck(draft: RunDraft, before: Plan): (instance: Instance) => boolean {
  const places = new Map(before.tasks.map((task, place) => [task.id, place]));
  return (instance) => {
    const task = draft.taskOf(instance);
    const old = places.get(task.id);
    if (old === undefined || (instance.state === "none" && !instance.awaitsEvaluation)) return false;
    if (instance.state === "removed") return true;
    const isUnderWay = !isTerminal(instance.state);
    const needsEvaluation = before.tasks[old]?.evaluated !== task.evaluated;
    if (isUnderWay && needsEvaluation && (instance.itemsTotal > 0 || instance.state !== "running")) return true;
    if (isUnderWay && instance.state !== "running") return ruleOf(draft, instance) !== "run";
    const isByRule = instance.state === "upstream_failed" || instance.reason === "trigger_rule";
    if (isByRule && ruleOf(draft, instance) !== instance.state) return true;
    if (task.triggerRule === "always") return false;
    const parents = new Set([...parentEdges(before.graph, old)].map((edge) => before.tasks[edge.task]?.id));
    return [...parentEdges(draft.plan.graph, instance.task)].some((edge) => {
      const parent = draft.ofTask(edge.task);
      return !isTerminal(parent.state) && !parents.has(draft.taskOf(parent).id);
    });
  };
}
