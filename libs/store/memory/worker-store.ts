import type { WorkerBeat, WorkerTally } from "#ports/worker-beat.ts";
import type { RegisterWorkerResult, WorkerHello, WorkerStore } from "#ports/worker-store.ts";
import type { WorkerStatus } from "#ports/worker-views.ts";
import { adoptOutcomes } from "./adopt-outcomes.ts";
import type { MemoryState, StoredWorker } from "./memory-state.ts";

export function createMemoryWorkers(state: MemoryState): WorkerStore {
  return {
    async register(hello) {
      return register(state, hello);
    },
    async admit(workerKey, sessionNumber) {
      const worker = presentSession(state, { workerKey, sessionNumber });
      if (worker?.status === "starting" || worker?.status === "recovering") worker.status = "healthy";
    },
    async beat(beats) {
      return beats.flatMap((beat) => {
        const worker = presentSession(state, beat);
        if (worker === undefined) return [];
        renew(state, worker, beat);
        return [{ workerKey: worker.workerKey, drainReason: worker.drainReason }];
      });
    },
    async markSilent(silentMs) {
      for (const worker of state.workers.values())
        if (worker.status === "healthy" && worker.lastHeartbeatAt + silentMs < state.now())
          setStatus(state, worker, "degraded");
    },
    async requestDrain(workerId, reason) {
      const worker = liveWorker(state, workerId);
      if (worker === undefined) return null;
      worker.drainReason ??= reason;
      return worker.workerKey;
    },
    async readDrainReason(workerKey) {
      const worker = state.workers.get(workerKey);
      return worker !== undefined && isInService(worker) ? worker.drainReason : null;
    },
    async markLost(marginMs) {
      const lost = [...state.workers.values()].filter(
        (worker) => isInService(worker) && worker.leaseExpiresAt + marginMs < state.now(),
      );
      for (const worker of lost) end(state, worker, "lost");
      return lost.map(({ workerKey, workerId }) => ({ workerKey, workerId }));
    },
    async signOff(workerKey, sessionNumber, tally) {
      const worker = presentSession(state, { workerKey, sessionNumber });
      if (worker === undefined) return;
      if (tally !== undefined) note(worker, tally);
      end(state, worker, "stopped");
    },
  };
}

export function isInService({ status }: StoredWorker): boolean {
  return status !== "lost" && status !== "stopped";
}

function register(state: MemoryState, hello: WorkerHello): RegisterWorkerResult {
  const workers = [...state.workers.values()];
  const known = workers.find((worker) => worker.incarnation === hello.incarnation);
  if (known !== undefined) {
    if (!isInService(known)) return { kind: "refused", reason: "incarnation_lost" };
    if (hello.connection !== 0 && hello.connection <= known.hello.connection)
      return { kind: "refused", reason: "older_connection" };
    known.sessionNumber += 1;
    known.status = "recovering";
    return enter(state, known, hello);
  }
  const predecessor = liveWorker(state, hello.workerId);
  if (predecessor !== undefined) {
    const isOver = predecessor.leaseExpiresAt <= state.now();
    if (!hello.predecessors.includes(predecessor.incarnation) && !isOver)
      return { kind: "refused", reason: "id_in_use" };
    end(state, predecessor, "lost");
  }
  const worker = newWorker(state, hello);
  state.workers.set(worker.workerKey, worker);
  const named = workers.filter(
    ({ workerId, incarnation }) => workerId === hello.workerId && hello.predecessors.includes(incarnation),
  );
  adoptOutcomes(state, hello.outcomes, { from: named.map(({ workerKey }) => workerKey), to: worker.workerKey });
  return enter(state, worker, hello);
}

function newWorker(state: MemoryState, hello: WorkerHello): StoredWorker {
  const now = state.now();
  return {
    workerKey: state.nextKey(),
    workerId: hello.workerId,
    incarnation: hello.incarnation,
    hello,
    startedAt: now,
    sessionNumber: 1,
    status: hello.predecessors.length === 0 ? "starting" : "recovering",
    statusReason: "",
    freeSlots: hello.slots,
    usage: null,
    reservedFor: null,
    counts: { succeeded: 0, failed: 0 },
    lastTaskAt: null,
    drainReason: null,
    lastHeartbeatAt: now,
    leaseExpiresAt: now,
    endedAt: null,
  };
}

function enter(state: MemoryState, worker: StoredWorker, hello: WorkerHello): RegisterWorkerResult {
  worker.hello = { ...hello, connection: Math.max(worker.hello.connection, hello.connection) };
  worker.freeSlots = hello.slots;
  worker.reservedFor = null;
  worker.lastHeartbeatAt = state.now();
  worker.leaseExpiresAt = state.now() + hello.leaseMs;
  const data = { session_number: worker.sessionNumber, executor_id: hello.executorId };
  state.emit([{ ...about(worker), eventType: "worker.connected", data }]);
  const { workerKey, sessionNumber, counts, drainReason } = worker;
  return { kind: "registered", workerKey, sessionNumber, counts, drainReason };
}

function renew(state: MemoryState, worker: StoredWorker, beat: WorkerBeat): void {
  worker.lastHeartbeatAt = state.now();
  worker.leaseExpiresAt = state.now() + beat.leaseMs;
  worker.freeSlots = beat.freeSlots;
  worker.statusReason = beat.statusReason;
  worker.usage = beat.usage;
  worker.reservedFor = beat.reservedFor;
  note(worker, beat);
  setStatus(state, worker, beat.status);
}

function note(worker: StoredWorker, { counts, lastTaskAt }: WorkerTally): void {
  worker.counts = counts;
  worker.lastTaskAt = lastTaskAt ?? worker.lastTaskAt;
}

function setStatus(state: MemoryState, worker: StoredWorker, status: WorkerStatus): void {
  if (worker.status === status) return;
  const data = { status, previous_status: worker.status, incarnation: worker.incarnation };
  worker.status = status;
  state.emit([{ ...about(worker), eventType: "worker.status", data }]);
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

function liveWorker(state: MemoryState, workerId: string): StoredWorker | undefined {
  return [...state.workers.values()].find((worker) => worker.workerId === workerId && isInService(worker));
}

/** The worker, if this session is its newest and it is in service. */
function presentSession(
  state: MemoryState,
  { workerKey, sessionNumber }: { workerKey: number; sessionNumber: number },
): StoredWorker | undefined {
  const worker = state.workers.get(workerKey);
  return worker !== undefined && isInService(worker) && worker.sessionNumber === sessionNumber ? worker : undefined;
}
