import { mostQueuedTold } from "#core/queue-depth.ts";
import type { ActiveTask, QueueView, WorkerQueries, WorkerTotals, WorkerView } from "#ports/worker-views.ts";
import type { MemoryState, StoredWorker } from "./memory-state.ts";
import { pageOf } from "./page.ts";
import { roomOf } from "./worker-room.ts";
import { isInService } from "./worker-store.ts";

const lostWorkersStayMs = 3_600_000;

const workerList = {
  order: [{ value: (worker: WorkerView) => worker.workerId, descending: false }],
  sorts: {
    worker_id: (worker: WorkerView) => worker.workerId,
    status: (worker: WorkerView) => worker.status,
    started_at: (worker: WorkerView) => worker.startedAt,
  },
};

const totalsList = {
  order: [{ value: (totals: WorkerTotals) => totals.workerId, descending: false }],
  sorts: {
    worker_id: (totals: WorkerTotals) => totals.workerId,
    succeeded: (totals: WorkerTotals) => totals.succeededCount,
    failed: (totals: WorkerTotals) => totals.failedCount,
  },
};

export function createMemoryWorkerQueries(state: MemoryState): WorkerQueries {
  return {
    async listWorkers(page, { states }) {
      const newest = [...byId(state).values()].map((incarnations) => incarnations.at(-1));
      const listed = newest.filter(
        (worker) =>
          worker !== undefined && (states.length === 0 ? isListed(state, worker) : states.includes(worker.status)),
      );
      return pageOf(
        listed.flatMap((worker) => viewOf(state, worker)),
        page,
        workerList,
      );
    },
    async listIncarnations(workerId, limit) {
      return (byId(state).get(workerId) ?? [])
        .toReversed()
        .slice(0, limit)
        .flatMap((one) => viewOf(state, one));
    },
    async listActiveTasks(workerKeys, limit) {
      return workerKeys.flatMap((workerKey) => activeTasks(state, workerKey)).slice(0, limit);
    },
    async listWorkerTotals(page) {
      return pageOf([...byId(state)].map(totalsOf), page, totalsList);
    },
    async listQueues() {
      return listQueues(state);
    },
    async countWorkers() {
      return [...state.workers.values()].filter(isInService).length;
    },
  };
}

function byId(state: MemoryState): Map<string, StoredWorker[]> {
  return Map.groupBy(state.workers.values(), ({ workerId }) => workerId);
}

function isListed(state: MemoryState, worker: StoredWorker): boolean {
  return isInService(worker) || (worker.status === "lost" && (worker.endedAt ?? 0) > state.now() - lostWorkersStayMs);
}

function viewOf(state: MemoryState, worker: StoredWorker | undefined): readonly WorkerView[] {
  if (worker === undefined) return [];
  const { workerKey, workerId, incarnation, status, statusReason, hello, freeSlots, usage, drainReason, counts } =
    worker;
  const { hostname, version, executorId, labels, capabilities, hostCapabilities, queues, slots, resources } = hello;
  const { startedAt, endedAt, lastHeartbeatAt: lastBeatAt, lastTaskAt } = worker;
  return [
    {
      ...{
        workerKey,
        workerId,
        incarnation,
        status,
        statusReason,
        hostname,
        version,
        executorId,
        labels,
        capabilities,
        hostCapabilities,
        queues,
      },
      ...{ slots, freeSlots, usage, drainReason, startedAt, endedAt, lastBeatAt, lastTaskAt },
      ...{ resources, room: roomOf(state, workerKey, hello) },
      succeededCount: counts.succeeded,
      failedCount: counts.failed,
    },
  ];
}

function activeTasks(state: MemoryState, workerKey: number): readonly ActiveTask[] {
  return [...(state.indexes.held.get(workerKey)?.values() ?? [])].flatMap(({ runKey, ordinal }) => {
    const run = state.runs.get(runKey);
    const instance = run?.instances[ordinal];
    if (run === undefined || instance === undefined) return [];
    const { mapIndex, itemKey, tryNumber, startedAt } = instance;
    const { runId, dagId } = run.row;
    const taskId = run.plan.tasks[instance.task]?.id ?? "";
    return [{ workerKey, runId, dagId, taskId, mapIndex, itemKey, tryNumber, startedAt }];
  });
}

function totalsOf([workerId, incarnations]: readonly [string, readonly StoredWorker[]]): WorkerTotals {
  const times = incarnations.flatMap(({ lastTaskAt }) => lastTaskAt ?? []);
  return {
    workerId,
    incarnations: incarnations.length,
    losses: incarnations.filter(({ status }) => status === "lost").length,
    succeededCount: incarnations.reduce((sum, { counts }) => sum + counts.succeeded, 0),
    failedCount: incarnations.reduce((sum, { counts }) => sum + counts.failed, 0),
    lastTaskAt: times.length === 0 ? null : Math.max(...times),
  };
}

function listQueues(state: MemoryState): readonly QueueView[] {
  const queues = new Map<string, QueueView>();
  const change = (queue: string, by: (view: QueueView) => Partial<QueueView>): void => {
    const view = queues.get(queue) ?? {
      queue,
      depth: 0,
      hasMore: false,
      oldestAt: null,
      workers: 0,
      slots: 0,
      freeSlots: 0,
    };
    queues.set(queue, { ...view, ...by(view) });
  };
  for (const worker of state.workers.values()) {
    if (!isInService(worker)) continue;
    const free = worker.status === "healthy" ? worker.freeSlots : 0;
    for (const queue of worker.hello.queues)
      change(queue, (view) => ({
        workers: view.workers + 1,
        slots: view.slots + worker.hello.slots,
        freeSlots: view.freeSlots + free,
      }));
  }
  for (const { plan, instances } of state.runs.values())
    for (const { state: taskState, held, itemsTotal, waitsFor, queuedAt, task } of instances) {
      if (taskState !== "queued" || held || itemsTotal > 0 || waitsFor !== null) continue;
      change(plan.tasks[task]?.queue ?? "", ({ depth, oldestAt }) => ({
        depth: Math.min(depth + 1, mostQueuedTold),
        hasMore: depth === mostQueuedTold,
        oldestAt: Math.min(oldestAt ?? Number.POSITIVE_INFINITY, queuedAt ?? Number.POSITIVE_INFINITY),
      }));
    }
  return [...queues.values()].toSorted((a, b) => (a.queue < b.queue ? -1 : 1));
}
