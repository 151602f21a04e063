import type { RegisterWorkerResult, WorkerHello, WorkerStore } from "#ports/worker-store.ts";
import type { MemoryState, StoredWorker } from "./memory-state.ts";

export function createMemoryWorkers(state: MemoryState): WorkerStore {
  return {
    async register(hello) {
      return register(state, hello);
    },
    async beat(beats) {
      const renewed: number[] = [];
      for (const beat of beats) {
        const worker = state.workers.get(beat.workerKey);
        if (worker === undefined || !isInService(worker) || worker.sessionNumber !== beat.sessionNumber) continue;
        worker.lastHeartbeatAt = state.now();
        worker.leaseExpiresAt = state.now() + beat.leaseMs;
        worker.freeSlots = beat.freeSlots;
        renewed.push(worker.workerKey);
      }
      return renewed;
    },
    async markLost(marginMs) {
      const lost = [...state.workers.values()].filter(
        (worker) => isInService(worker) && worker.leaseExpiresAt + marginMs < state.now(),
      );
      for (const worker of lost) end(state, worker, "lost");
      return lost.map(({ workerKey, workerId }) => ({ workerKey, workerId }));
    },
    async signOff(workerKey, sessionNumber) {
      const worker = state.workers.get(workerKey);
      if (worker !== undefined && isInService(worker) && worker.sessionNumber === sessionNumber)
        end(state, worker, "stopped");
    },
  };
}

function register(state: MemoryState, hello: WorkerHello): RegisterWorkerResult {
  const workers = [...state.workers.values()];
  const known = workers.find((worker) => worker.incarnation === hello.incarnation);
  if (known !== undefined) {
    if (!isInService(known)) return { kind: "refused", reason: "incarnation_lost" };
    if (hello.connection !== 0 && hello.connection <= known.hello.connection)
      return { kind: "refused", reason: "older_connection" };
    known.sessionNumber += 1;
    return enter(state, known, hello);
  }
  const predecessor = workers.find((worker) => worker.workerId === hello.workerId && isInService(worker));
  if (predecessor !== undefined) {
    const isOver = predecessor.leaseExpiresAt <= state.now();
    if (predecessor.incarnation !== hello.previousIncarnation && !isOver)
      return { kind: "refused", reason: "id_in_use" };
    end(state, predecessor, "lost");
  }
  const { workerId, incarnation } = hello;
  const now = state.now();
  const worker: StoredWorker = {
    workerKey: state.nextKey(),
    workerId,
    incarnation,
    hello,
    startedAt: now,
    sessionNumber: 1,
    status: "healthy",
    freeSlots: hello.slots,
    lastHeartbeatAt: now,
    leaseExpiresAt: now,
    endedAt: null,
  };
  state.workers.set(worker.workerKey, worker);
  return enter(state, worker, hello);
}

function enter(state: MemoryState, worker: StoredWorker, hello: WorkerHello): RegisterWorkerResult {
  worker.hello = { ...hello, connection: Math.max(worker.hello.connection, hello.connection) };
  worker.freeSlots = hello.slots;
  worker.lastHeartbeatAt = state.now();
  worker.leaseExpiresAt = state.now() + hello.leaseMs;
  const data = { session_number: worker.sessionNumber, executor_id: hello.executorId };
  state.emit([{ ...about(worker), eventType: "worker.connected", data }]);
  return { kind: "registered", workerKey: worker.workerKey, sessionNumber: worker.sessionNumber };
}

function end(state: MemoryState, worker: StoredWorker, status: "lost" | "stopped"): void {
  worker.status = status;
  worker.endedAt = state.now();
  state.emit([
    { ...about(worker), eventType: "worker.disconnected", data: { status, incarnation: worker.incarnation } },
  ]);
}

function about(worker: StoredWorker): { resourceType: string; resourceId: string; dagId: null; dagRunId: null } {
  return { resourceType: "worker", resourceId: worker.workerId, dagId: null, dagRunId: null };
}

function isInService(worker: StoredWorker): boolean {
  return worker.status === "healthy";
}
