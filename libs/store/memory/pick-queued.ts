import { activeTasksLimit, poolLimit } from "#core/limit-names.ts";
import { isPlaced, isPreferredOn, mayRunOn } from "#core/placement.ts";
import type { PlanTask } from "#core/plan.ts";
import { hasRoom, noResources } from "#core/resource-amounts.ts";
import type { Instance } from "#core/run-model.ts";
import type { PickedInstance, PickedInstances, QueuedInstance } from "#ports/queued-instance.ts";
import type { RunStore } from "#ports/run-store.ts";
import { type RoomOf, withinRoom } from "../changes/within-room.ts";
import { isStampedWithin, wasDispatched } from "./dispatch-stamps.ts";
import type { MemoryState } from "./memory-state.ts";
import type { InstanceRef } from "./run-indexes.ts";
import type { StoredRun } from "./stored-run.ts";

type PickOptions = Parameters<RunStore["pickQueued"]>[0];

/** What waits for a worker, best first, as every store picks it. */
export function pickQueued(state: MemoryState, options: PickOptions): PickedInstances {
  const { queues, backends, limit, oldestAt = [], redispatchAfterMs = 0 } = options;
  const mayBeTaken = ({ runKey, ordinal }: InstanceRef): boolean => {
    const run = state.runs.get(runKey);
    const instance = run?.instances[ordinal];
    const task = instance === undefined ? undefined : run?.plan.tasks[instance.task];
    if (run === undefined || instance === undefined || task === undefined || run.row.isPaused) return false;
    const isDue = instance.dueAt === null || instance.dueAt <= state.now();
    if (isStampedWithin(state, run, instance, redispatchAfterMs)) return false;
    if (limitsOf(state, run, task).some(({ room }) => room <= 0)) return false;
    if (!isPlaceable(state, task, instance, options)) return false;
    return isDue && queues.includes(task.queue) && backends.includes(task.backend);
  };
  const attemptsOut = (dagKey: number): number => state.indexes.attemptsOut(dagKey);
  const picked = state.indexes.ready.pick({ limit, oldestAt, attemptsOut, mayBeTaken });
  const kept = withinRoom(picked, ({ runKey, ordinal }) => {
    const run = state.runs.get(runKey);
    const task = run?.plan.tasks[run.instances[ordinal]?.task ?? -1];
    return run === undefined || task === undefined ? [] : limitsOf(state, run, task);
  });
  return {
    instances: kept.flatMap((ref) => pickedInstance(state, ref)),
    mayBeMore: picked.length === limit,
    onlyRun: onlyRunOf(picked, [...state.indexes.ready], mayBeTaken),
  };
}

function onlyRunOf(
  [first]: readonly InstanceRef[],
  ready: readonly InstanceRef[],
  mayBeTaken: (ref: InstanceRef) => boolean,
): number | null {
  const isAlone = ready.every((ref) => ref.runKey === first?.runKey || !mayBeTaken(ref));
  return first !== undefined && isAlone ? first.runKey : null;
}

/** The workers that the pick is for may have it, and one of them has room for it. */
function isPlaceable(
  state: MemoryState,
  task: PlanTask,
  { queuedAt }: Instance,
  { traits, rooms, askedMs }: PickOptions,
): boolean {
  const { requests } = task;
  if (askedMs !== undefined && (requests === undefined || (queuedAt ?? 0) > state.now() - askedMs)) return false;
  if (requests !== undefined && rooms !== undefined && !rooms.some((room) => hasRoom(room, requests))) return false;
  if (traits === undefined) return true;
  return mayRunOn(task, traits) && (isPreferredOn(task, traits) || !hasPreferredWorker(state, task));
}

/** Where a worker with the labels that a task would like has a free slot, others leave the task to it. */
function hasPreferredWorker(state: MemoryState, task: PlanTask): boolean {
  return [...state.workers.values()].some(({ status, hello, freeSlots, leaseExpiresAt }) => {
    const isLive = status === "healthy" && leaseExpiresAt > state.now() && freeSlots > 0;
    const worker = { labels: hello.labels, operators: hello.capabilities, capabilities: hello.hostCapabilities };
    const takes = hello.queues.includes(task.queue) && hasRoom(hello.resources, task.requests ?? noResources);
    return isLive && takes && mayRunOn(task, worker) && isPreferredOn(task, worker);
  });
}

function limitsOf(state: MemoryState, { plan, row }: StoredRun, task: PlanTask): readonly RoomOf[] {
  const { pool } = task;
  const rooms: RoomOf[] =
    pool === null ? [] : [{ limit: poolLimit(pool), room: state.slots.room(poolLimit(pool), null) }];
  if (plan.maxActiveTasks !== null) {
    const room = plan.maxActiveTasks - state.indexes.attemptsOut(row.dagKey);
    rooms.push({ limit: activeTasksLimit(row.dagKey), room });
  }
  return rooms;
}

function pickedInstance(state: MemoryState, ref: InstanceRef): readonly PickedInstance[] {
  const run = state.runs.get(ref.runKey);
  const instance = run?.instances[ref.ordinal];
  if (run === undefined || instance === undefined) return [];
  const task = run.plan.tasks[instance.task];
  return queuedInstance(state, ref).map((queued) => ({
    ...queued,
    backend: task?.backend ?? null,
    isPlaced: task !== undefined && isPlaced(task),
    wasDispatched: wasDispatched(run, instance),
    ...(task?.requests === undefined ? {} : { requests: task.requests }),
  }));
}

export function queuedInstance(state: MemoryState, { runKey, ordinal }: InstanceRef): readonly QueuedInstance[] {
  const instance = state.runs.get(runKey)?.instances[ordinal];
  return instance === undefined
    ? []
    : [{ runKey, ordinal, generation: instance.generation, tryNumber: instance.tryNumber + 1 }];
}
