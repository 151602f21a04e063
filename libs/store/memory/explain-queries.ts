import { parentEdges } from "#core/graph.ts";
import { formatInstanceId } from "#core/instance-id.ts";
import { needsOfAttempt, needsOfRun } from "#core/limits.ts";
import { noResources } from "#core/resource-amounts.ts";
import type { Instance } from "#core/run-model.ts";
import { isTerminal } from "#core/states.ts";
import type { ExplainedInstance, ExplainPlace, LiveWorker } from "#ports/explanation-facts.ts";
import type { Queries } from "#ports/queries.ts";
import type { WorkerReservation } from "#ports/worker-beat.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredRun } from "./stored-run.ts";
import { roomOf } from "./worker-room.ts";
import { isInService } from "./worker-store.ts";

export function createMemoryExplainQueries(state: MemoryState): Pick<Queries, "explain"> {
  return {
    async explain(runId, { ordinal, limit, instanceIds, after }) {
      const run = state.findRun(runId);
      if (run === undefined) return null;
      const isAsked = (instance: Instance): boolean =>
        (!isTerminal(instance.state) || instance.held) &&
        (after === undefined || compare(placeOf(instance), after) > 0) &&
        (instanceIds === undefined || instanceIds.includes(idOf(run, instance)));
      const unfinished = run.instances.filter((instance) =>
        ordinal === null ? isAsked(instance) : instance.ordinal === ordinal,
      );
      unfinished.sort((a, b) => compare(placeOf(a), placeOf(b)));
      const told = unfinished.slice(0, limit);
      const last = told.length < unfinished.length ? told.at(-1) : undefined;
      const instances = told.map((instance) => toInstance(state, run, instance));
      const queues = new Set(instances.map(({ queue }) => queue));
      const { isPaused, isAdmitted, endedAt } = run.row;
      const needs = needsOfRun(run.plan, run.row);
      return {
        run: { runId, state: run.row.state, isPaused, isAdmitted, needs, endedAt },
        now: state.now(),
        instances,
        unfinishedCount: unfinished.length,
        next: last === undefined ? null : placeOf(last),
        workers: liveWorkers(state),
        queueDepths: countQueued(state, queues),
      };
    },
  };
}

function placeOf(instance: Instance): ExplainPlace {
  return { distance: distanceOf(instance), ordinal: instance.ordinal };
}

function compare(a: ExplainPlace, b: ExplainPlace): number {
  return a.distance - b.distance || a.ordinal - b.ordinal;
}

function idOf(run: StoredRun, { task, itemKey }: Instance): string {
  return formatInstanceId(run.row.runId, run.plan.tasks[task]?.id ?? "", itemKey);
}

/** What is nearest to running comes first. */
function distanceOf(instance: Instance): number {
  if (instance.state === "queued") return 0;
  if (instance.state === "up_for_retry") return 1;
  if (instance.awaitsEvaluation) return 2;
  if (instance.state === "running") return 3;
  return instance.held ? 4 : 5;
}

function toInstance(state: MemoryState, run: StoredRun, instance: Instance): ExplainedInstance {
  const { task, ordinal, mapIndex, workerKey } = instance;
  const planTask = run.plan.tasks[task];
  const groups = new Map(run.instances.flatMap((one) => (one.mapIndex === null ? [[one.task, one]] : [])));
  const parents = mapIndex === null ? [...parentEdges(run.plan.graph, task)].map((edge) => groups.get(edge.task)) : [];
  return {
    taskId: run.plan.tasks[task]?.id ?? "",
    mapIndex,
    itemKey: instance.itemKey,
    state: instance.state,
    reason: instance.reason,
    tryNumber: instance.tryNumber,
    queue: run.plan.tasks[task]?.queue ?? "",
    operatorType: planTask?.operatorType ?? "",
    labels: planTask?.labels?.required ?? {},
    capabilities: planTask?.capabilities ?? [],
    requests: planTask?.requests ?? noResources,
    needs: planTask === undefined ? [] : needsOfAttempt(run.plan, planTask, { dagKey: run.row.dagKey, ordinal }),
    dueAt: instance.dueAt,
    waitsFor: instance.waitsFor,
    awaitsEvaluation: instance.awaitsEvaluation,
    isHeld: instance.held,
    isTaskHeld: run.instances.some((other) => other.task === task && other.held && other.ordinal !== ordinal),
    workerId: workerKey === null ? null : (state.workers.get(workerKey)?.workerId ?? null),
    startedAt: instance.startedAt,
    itemsTotal: instance.itemsTotal,
    itemsEnded: instance.itemsEnded,
    parents: parents.flatMap((parent) =>
      parent === undefined ? [] : [{ taskId: run.plan.tasks[parent.task]?.id ?? "", state: parent.state }],
    ),
  };
}

function liveWorkers(state: MemoryState): readonly LiveWorker[] {
  return [...state.workers.values()]
    .filter((worker) => isInService(worker) && worker.leaseExpiresAt > state.now())
    .map(({ workerKey, workerId, hello, freeSlots, reservedFor }) => ({
      ...{ workerId, queues: hello.queues, slots: hello.slots, freeSlots, labels: hello.labels },
      ...{ operators: hello.capabilities, capabilities: hello.hostCapabilities },
      ...{ resources: hello.resources, room: roomOf(state, workerKey, hello) },
      reservedFor: reservedFor === null ? null : toReservedFor(state, reservedFor),
    }))
    .toSorted((a, b) => (a.workerId < b.workerId ? -1 : 1));
}

/** Null where it waits no longer. */
function toReservedFor(
  state: MemoryState,
  { runKey, ordinal, reservedAt }: WorkerReservation,
): LiveWorker["reservedFor"] {
  const run = state.runs.get(runKey);
  const instance = run?.instances[ordinal];
  if (run === undefined || instance?.state !== "queued" || instance.held) return null;
  const taskId = run.plan.tasks[instance.task]?.id ?? "";
  return { runId: run.row.runId, taskId, mapIndex: instance.mapIndex, reservedAt };
}

function countQueued(state: MemoryState, queues: ReadonlySet<string>): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  for (const run of state.runs.values()) {
    for (const { task, state: taskState, held, itemsTotal } of run.row.endedAt === null ? run.instances : []) {
      const queue = run.plan.tasks[task]?.queue ?? "";
      const isCounted = taskState === "queued" && !held && itemsTotal === 0 && queues.has(queue);
      if (isCounted) depths.set(queue, (depths.get(queue) ?? 0) + 1);
    }
  }
  return depths;
}
