import { deadlineOf } from "./deadline-event.ts";
import type { Decision } from "./decision.ts";
import { parentCount } from "./graph.ts";
import { needsOfRun, type SlotNeed } from "./limits.ts";
import type { Plan } from "./plan.ts";
import { settleRule } from "./propagation.ts";
import { RunDraft } from "./run-draft.ts";
import type { Instance, RunAggregate, RunRow } from "./run-model.ts";
import { noInstances } from "./run-state.ts";

/** The identity of a run to make; everything else follows from the plan. */
export type NewRunRow = Pick<
  RunRow,
  "runKey" | "runId" | "dagKey" | "dagId" | "versionKey" | "logicalAt" | "concurrencyKey"
>;

/** A run as it is written first: all instances with their in-degree, entry tasks queued, events to publish. */
export interface CreatedRun {
  readonly aggregate: RunAggregate;
  readonly events: Decision["events"];
  readonly readyOrdinals: readonly number[];
  readonly evaluateOrdinals: readonly number[];
  /** Room that must be there for it; none when it waits for room. */
  readonly slotsTaken: readonly SlotNeed[];
}

/**
 * A new run of a plan at `now` (milliseconds by the store's clock). Tasks without parents, and `always`, are ready at once, unless it waits
 * for room in its limits.
 */
export function createRun(
  plan: Plan,
  identity: NewRunRow,
  now: number,
  { isAdmitted }: { readonly isAdmitted: boolean } = { isAdmitted: true },
): CreatedRun {
  const blank: RunRow = {
    ...identity,
    revision: 0,
    removedTasks: [],
    state: "queued",
    sequence: 0,
    eventSequence: 0,
    counts: { ...noInstances, none: plan.tasks.length },
    exemptCount: 0,
    heldCount: 0,
    everStarted: false,
    cancelRequested: false,
    isPaused: false,
    isAdmitted,
    isArchived: false,
    queuedAt: now,
    startedAt: null,
    endedAt: null,
    timeoutAt: plan.runTimeoutMs === null ? null : now + plan.runTimeoutMs,
    deadlineAt: deadlineOf(plan, now),
  };
  const instances = plan.tasks.map((_, task) => ({
    ordinal: task,
    ...newInstance(task, parentCount(plan.graph, task)),
  }));
  const draft = new RunDraft({ run: blank, instances, plan }, now);
  draft.emit("dag_run.created", null);
  draft.emit("dag_run.queued", null);
  for (const instance of instances) settleRule(draft, instance);
  const decision = draft.finish([]);
  const settled = instances.map((instance) => draft.get(instance.ordinal));
  return {
    aggregate: { run: decision === null ? blank : decision.run, instances: settled, plan },
    events: decision?.events ?? [],
    readyOrdinals: decision?.readyOrdinals ?? [],
    evaluateOrdinals: decision?.evaluateOrdinals ?? [],
    slotsTaken: isAdmitted ? needsOfRun(plan, blank) : [],
  };
}

/** The first life of a task's instance, before its rule was looked at. */
export function newInstance(task: number, inDegree: number): Omit<Instance, "ordinal"> {
  return {
    task,
    mapIndex: null,
    itemKey: null,
    state: "none",
    reason: null,
    generation: 1,
    fence: 0,
    tryNumber: 0,
    infraTries: 0,
    freeTries: 0,
    inDegree,
    parents: { success: 0, failed: 0, upstreamFailed: 0, skipped: 0 },
    exemptParents: 0,
    exempt: false,
    held: false,
    heldFence: 0,
    awaitsEvaluation: false,
    dueAt: null,
    waitsFor: null,
    queuedAt: null,
    firstStartedAt: null,
    startedAt: null,
    endedAt: null,
    workerKey: null,
    lastError: null,
    itemsTotal: 0,
    itemsEnded: 0,
    itemsFailed: 0,
  };
}
