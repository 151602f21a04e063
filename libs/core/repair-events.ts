import { clearTasks, reopen } from "./clear-tasks.ts";
import { endFromOutside } from "./end-from-outside.ts";
import { type EventVerdict, refuse } from "./event-verdict.ts";
import { itemsOf, noteItemEnd, swapItemEnd } from "./fan-out.ts";
import { childEdges } from "./graph.ts";
import { announceEnd, propagateEnds, ruleOf, swapEnd } from "./propagation.ts";
import { withDescendants } from "./reachability.ts";
import { type RepairPlan, startRepairPlan } from "./repair-plan.ts";
import { replanRun } from "./replan.ts";
import type { RunDraft } from "./run-draft.ts";
import type { RunEvent } from "./run-event.ts";
import type { Instance } from "./run-model.ts";
import { isTerminal } from "./states.ts";

type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;

/** Why a skipped instance has nothing to catch up on; any other reason means that it was cut short. */
const ownSkips: ReadonlySet<string | null> = new Set(["when", "by_task", "trigger_rule", "manual"]);

/**
 * States set by hand. Terminal ones are swapped in the children's counts, others end now; what is to be cleared below
 * them is cleared after that, so that its rules see the new ends.
 */
export function applyMark(draft: RunDraft, event: EventOf<"mark">): EventVerdict {
  const refusal = refuseRepair(draft, event);
  if (refusal !== null) return refusal;
  const marked = new Set(event.ordinals);
  const planned = startRepairPlan(draft, marked);
  for (const ordinal of marked) markInstance(draft, draft.get(ordinal), event);
  if (event.includeDownstream) {
    const tasks = new Set(tasksOf(draft, marked));
    const below = withDescendants(draft.plan.graph, tasks);
    clearTasks(
      draft,
      [...below].filter((task) => !tasks.has(task)),
    );
    reopen(draft);
  }
  return acceptRepair(draft, event, planned());
}

/** These tasks begin a new generation, and the cancel flag is gone. */
export function applyClear(draft: RunDraft, event: EventOf<"clear">): EventVerdict {
  const refusal = refuseRepair(draft, event);
  if (refusal !== null) return refusal;
  const planned = startRepairPlan(draft, new Set());
  const tasks = new Set(tasksOf(draft, event.ordinals));
  if (event.includeDownstream) clearTasks(draft, [...withDescendants(draft.plan.graph, tasks)]);
  else clearAlone(draft, tasks);
  reopen(draft);
  return acceptRepair(draft, event, planned());
}

/** Children that have begun stay as they are, except for hooks, which tell of the end; those that have not wait again. */
function clearAlone(draft: RunDraft, tasks: ReadonlySet<number>): void {
  const children = new Set(
    [...tasks].flatMap((task) => [...childEdges(draft.plan.graph, task)].map(({ task: child }) => child)),
  );
  const hooks = [...children].filter((task) => draft.plan.tasks[task]?.hook !== undefined);
  clearTasks(draft, [...new Set([...tasks, ...hooks])]);
  const early = [...children].filter((task) => {
    const child = draft.ofTask(task);
    const isReady = child.awaitsEvaluation || (child.state === "queued" && child.tryNumber === 0);
    return isReady && ruleOf(draft, child) !== "run";
  });
  if (early.length > 0) clearTasks(draft, early);
}

/** A rerun: a clear of what is chosen and everything below it, by another version or with other parameters if asked. */
export function applyRerun(draft: RunDraft, event: EventOf<"rerun">): EventVerdict {
  const { from, target } = event;
  const version = target?.version ?? null;
  if (draft.isArchived) return refuse("archived");
  if (target !== null && target.revision !== draft.revision) return refuse("stale_revision");
  if (!isKnown(draft, event)) return refuse("unknown_instance");
  if (version === null && chooseTasks(draft, from).length === 0) return refuse("nothing_to_do");
  const planned = startRepairPlan(draft, new Set());
  if (version === null) clearTasks(draft, [...withDescendants(draft.plan.graph, chooseTasks(draft, from))]);
  else replanRun(draft, version, () => chooseTasks(draft, from));
  if (target?.parameters) draft.setParameters(target.parameters);
  reopen(draft);
  return acceptRepair(draft, event, planned());
}

function isKnown(draft: RunDraft, { from, target }: EventOf<"rerun">): boolean {
  if (typeof from === "string") return true;
  const tasks = target?.version?.plan.tasks ?? draft.plan.tasks.slice(0, draft.taskCount);
  const ids = new Set(tasks.map((task) => task.id));
  return from.every((id) => ids.has(id));
}

/** Places of the tasks that a rerun begins with. */
function chooseTasks(draft: RunDraft, from: EventOf<"rerun">["from"]): readonly number[] {
  const tasks = Array.from({ length: draft.taskCount }, (_, task) => task);
  if (from === "all") return tasks;
  if (from === "failed") return tasks.filter((task) => isUnsuccessful(draft.ofTask(task)));
  const ids = new Set(from);
  return tasks.filter((task) => ids.has(draft.plan.tasks[task]?.id ?? ""));
}

function isUnsuccessful({ state, reason }: Instance): boolean {
  return state === "failed" || state === "upstream_failed" || (state === "skipped" && !ownSkips.has(reason));
}

/** What a clear or mark names must be there, of its task's present life, and still be in the version. */
function refuseRepair(draft: RunDraft, { ordinals, revision }: EventOf<"clear" | "mark">): EventVerdict | null {
  if (draft.isArchived) return refuse("archived");
  if (revision !== undefined && revision !== draft.revision) return refuse("stale_revision");
  if (ordinals.some((ordinal) => draft.find(ordinal) === undefined)) return refuse("unknown_instance");
  const isGone = ordinals.some((ordinal) => {
    const { task, generation } = draft.get(ordinal);
    return task >= draft.taskCount || generation !== draft.ofTask(task).generation;
  });
  return isGone || ordinals.length === 0 ? refuse("illegal_state") : null;
}

/** Tells who did what, and answers what it came to. */
function acceptRepair(draft: RunDraft, event: EventOf<"clear" | "mark" | "rerun">, repair: RepairPlan): EventVerdict {
  const count = (action: string): number => repair.tasks.filter((task) => task.action === action).length;
  const target = event.kind === "rerun" ? event.target : null;
  draft.emit("dag_run.repaired", null, {
    action: event.kind,
    by: event.author.by,
    note: event.author.note,
    re_run: count("rerun"),
    removed: count("remove"),
    marked: count("mark"),
    ...(target?.version ? { version: target.version.version } : {}),
    ...(target?.parameters ? { parameters_changed: true } : {}),
  });
  return { accepted: true, instance: null, repair };
}

function markInstance(draft: RunDraft, before: Instance, { state, author }: EventOf<"mark">): void {
  const data = { by: author.by, note: author.note };
  if (!isTerminal(before.state)) {
    for (const item of [...itemsOf(draft, before)]) {
      if (!isTerminal(item.state))
        endFromOutside(draft, item, { state: "skipped", reason: "manual", cause: "mark", data });
    }
    endFromOutside(draft, before, { state, reason: "manual", cause: "mark", data });
    noteItemEnd(draft, draft.get(before.ordinal));
    propagateEnds(draft, [before.ordinal]);
    return;
  }
  const exempt = state === "failed" && draft.taskOf(before).allowFailure;
  const after = draft.put(
    { ...before, state, reason: "manual", exempt, fence: before.fence + 1, endedAt: draft.now },
    "mark",
  );
  announceEnd(draft, after, data);
  if (before.mapIndex === null) swapEnd(draft, before, after);
  else swapItemEnd(draft, before, after);
}

function tasksOf(draft: RunDraft, ordinals: Iterable<number>): readonly number[] {
  return [...ordinals].map((ordinal) => draft.get(ordinal).task);
}
