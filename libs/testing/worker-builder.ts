import type { Store } from "#ports/store.ts";
import type { WorkerBeat } from "#ports/worker-beat.ts";
import type { RegisteredWorker, WorkerHello } from "#ports/worker-store.ts";
import type { WorkerStatus, WorkerView } from "#ports/worker-views.ts";

export function hello(workerId: string, changes: Partial<WorkerHello> = {}): WorkerHello {
  return {
    workerId,
    incarnation: `${workerId}-1`,
    predecessors: [],
    outcomes: [],
    connection: 0,
    hostname: "host",
    version: "0.1.0",
    queues: ["default"],
    slots: 4,
    labels: {},
    capabilities: [],
    hostCapabilities: [],
    resources: { milliCpus: 4000, memoryBytes: 8 * 2 ** 30, diskBytes: 100 * 2 ** 30, gpus: 0 },
    executorId: "executor-1",
    leaseMs: 60_000,
    ...changes,
  };
}

export async function registerWorker(store: Store, given: WorkerHello): Promise<RegisteredWorker> {
  const result = await store.workers.register(given);
  if (result.kind !== "registered") throw new Error(`worker refused: ${result.reason}`);
  return result;
}

/** A beat of this session that says nothing special. */
export function beatOf(
  { workerKey, sessionNumber }: Pick<RegisteredWorker, "workerKey" | "sessionNumber">,
  changes: Partial<WorkerBeat> = {},
): WorkerBeat {
  return {
    workerKey,
    sessionNumber,
    leaseMs: 60_000,
    freeSlots: 2,
    status: "healthy",
    statusReason: "",
    usage: null,
    reservedFor: null,
    counts: { succeeded: 0, failed: 0 },
    lastTaskAt: null,
    ...changes,
  };
}

/** The first page of workers. */
export async function listWorkers(store: Store, states: readonly WorkerStatus[] = []): Promise<readonly WorkerView[]> {
  const { items } = await store.queries.listWorkers({ limit: 100, cursor: null, sort: null }, { states });
  return items;
}
