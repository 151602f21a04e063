import type { Store } from "#ports/store.ts";
import type { WorkerHello } from "#ports/worker-store.ts";

export function hello(workerId: string, changes: Partial<WorkerHello> = {}): WorkerHello {
  return {
    workerId,
    incarnation: `${workerId}-1`,
    previousIncarnation: null,
    connection: 0,
    hostname: "host",
    version: "0.1.0",
    queues: ["default"],
    slots: 4,
    labels: {},
    capabilities: [],
    executorId: "executor-1",
    leaseMs: 60_000,
    ...changes,
  };
}

export async function registerWorker(
  store: Store,
  given: WorkerHello,
): Promise<{ workerKey: number; sessionNumber: number }> {
  const result = await store.workers.register(given);
  if (result.kind !== "registered") throw new Error(`worker refused: ${result.reason}`);
  return result;
}
