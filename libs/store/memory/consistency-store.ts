import { ofRun } from "#core/limits.ts";
import type {
  ConsistencyStore,
  RunRepair,
  RunSnapshot,
  StoreFacts,
  StrayFact,
  StrayLimits,
} from "#ports/consistency-store.ts";
import { freedSlotWakes, roomWakes } from "../changes/room-wakes.ts";
import { aggregateOf, applyDecision, checkGuards } from "./apply-decision.ts";
import { forgetAnswers } from "./kept-answers.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredRun } from "./stored-run.ts";
import { isInService } from "./worker-store.ts";

/** What the consistency check reads and repairs in memory, where nobody can change a row beside the rules. */
export function createMemoryConsistency(state: MemoryState): ConsistencyStore {
  return {
    async listRuns({ afterKey, ended, limit }) {
      return [...state.runs.values()]
        .filter(({ row }) => row.runKey > afterKey && (row.endedAt !== null) === ended)
        .toSorted((a, b) => a.row.runKey - b.row.runKey)
        .slice(0, limit)
        .map(({ row, instances }) => ({ runKey: row.runKey, instanceCount: instances.length }));
    },
    async readRuns(runKeys) {
      const runs = runKeys.flatMap((runKey) => state.runs.get(runKey) ?? []);
      return { runs: runs.map((run) => snapshotOf(state, run)), unreadable: [] };
    },
    async repairRun(runKey, decide) {
      const run = state.runs.get(runKey);
      return run === undefined ? { kind: "unchanged" } : repairRun(state, run, decide);
    },
    async listStrays(limits, limit) {
      return listStrays(state, limits).filter(({ kind }, place, all) => {
        return all.slice(0, place).filter((other) => other.kind === kind).length < limit;
      });
    },
    async shortenLeases(longestMs, leaseMs) {
      const far = [...state.leases].filter(([, { expiresAt }]) => expiresAt > state.now() + longestMs);
      for (const [, lease] of far) lease.expiresAt = state.now() + leaseMs;
      return far.map(([name]) => name);
    },
    async freeIdleSlots(limit) {
      const idle = idleSlots(state).slice(0, limit);
      for (const { holder } of idle) state.slots.free(holder.runKey, [holder.ordinal]);
      if (idle.length > 0) for (const topic of freedSlotWakes) state.wake.notify(topic);
      return idle.map(slotName);
    },
    async forgetRequests(limit) {
      return forgetAnswers(state, limit);
    },
    async describe(): Promise<StoreFacts> {
      const live = [...state.workers.values()].filter(isInService);
      const workerVersions = live.map(({ workerId, hello }) => ({ workerId, version: hello.version }));
      return { now: state.now(), unsafeSettings: [], migrations: [], workerVersions };
    },
  };
}

function snapshotOf(state: MemoryState, run: StoredRun): RunSnapshot {
  const { run: row, instances, plan } = aggregateOf(run);
  const attempts = [...run.attempts].flatMap(([ordinal, stored]) => {
    const instance = instances[ordinal];
    return stored.flatMap(({ opened, closed, releasedAt }) => {
      const isNamed = instance === undefined || (instance.held && instance.heldFence === opened.fence);
      const { generation, tryNumber, fence, workerKey } = opened;
      const attempt = { ordinal, generation, tryNumber, fence, workerKey, isRunning: closed === null };
      return releasedAt === null || isNamed ? [{ ...attempt, isReleased: releasedAt !== null }] : [];
    });
  });
  const holders = instances.flatMap(({ held, workerKey }) => (held ? [workerKey ?? 0] : []));
  const isGone = (key: number): boolean => {
    const worker = state.workers.get(key);
    return worker === undefined || !isInService(worker);
  };
  const goneWorkers = new Set(holders.filter(isGone));
  const staleOutputs = [...run.outputs].flatMap(([ordinal, outputs]) =>
    [...outputs].flatMap(([key, { generation }]) =>
      generation === instances[ordinal]?.generation ? [] : [{ ordinal, key }],
    ),
  );
  return {
    run: { run: row, instances: [...instances], plan },
    attempts,
    goneWorkers,
    staleOutputs,
    now: state.now(),
  };
}

function repairRun(
  state: MemoryState,
  run: StoredRun,
  decide: Parameters<ConsistencyStore["repairRun"]>[1],
): RunRepair {
  const snapshot = snapshotOf(state, run);
  const decision = decide(snapshot);
  for (const { ordinal, key } of snapshot.staleOutputs) run.outputs.get(ordinal)?.delete(key);
  if (decision === null) {
    const isCleaned = snapshot.staleOutputs.length > 0;
    return isCleaned ? { kind: "applied", run: snapshot.run, decision } : { kind: "unchanged" };
  }
  checkGuards(run, decision);
  applyDecision(state, run, decision);
  if (decision.run.endedAt !== null) state.wake.notify("ended", decision.run.runId);
  const repaired = aggregateOf(run);
  for (const topic of roomWakes(repaired, decision)) state.wake.notify(topic);
  return { kind: "applied", run: repaired, decision };
}

function listStrays(state: MemoryState, limits: StrayLimits): readonly StrayFact[] {
  const now = state.now();
  const dags = [...state.dags.values()].filter(({ isActive }) => isActive);
  const workers = [...state.workers.values()].filter(isInService);
  const leases = [...state.leases].filter(([, { expiresAt }]) => expiresAt > now + limits.leaseMs);
  const lateDags = dags.filter(({ schedule, isPaused, resumedAt }) => {
    const turnAt = schedule?.nextAt === null ? null : (schedule?.lookAt ?? schedule?.nextAt ?? null);
    return !isPaused && turnAt !== null && Math.max(turnAt, resumedAt) < now - limits.scheduleMs;
  });
  const queues = new Set(workers.flatMap(({ hello }) => hello.queues));
  return [
    ...leases.map(([name, { holder }]) => fact("lease_far", name, `${holder} holds it too long`)),
    ...idleSlots(state).map((slot) => fact("slot_idle", slotName(slot), "its holder does not hold it")),
    ...lateDags.map(({ dagId }) => fact("schedule_overdue", dagId, "nobody looks at its next slot")),
    ...dags.flatMap(({ dagId, activeVersionKey }) =>
      activeVersionKey === null ? [fact("version_missing", dagId, "it is in force, and has no version")] : [],
    ),
    ...[...waitingByQueue(state, now - limits.queueMs)].flatMap(([queue, count]) =>
      queues.has(queue) ? [] : [fact("queue_without_worker", queue, `${count} tasks wait`)],
    ),
    ...workers.flatMap(({ workerId, leaseExpiresAt }) =>
      leaseExpiresAt < now - limits.workerMs ? [fact("worker_overdue", workerId, "its lease is over")] : [],
    ),
    ...overdueFiles(state, limits),
  ];
}

function overdueFiles(state: MemoryState, limits: StrayLimits): readonly StrayFact[] {
  const overdue = [...state.unlistedFiles].filter(
    ([, { dueAt, failureCount }]) => failureCount >= limits.fileFailures || dueAt < state.now() - limits.filesMs,
  );
  const [location = "", example] = overdue.toSorted(([, a], [, b]) => b.failureCount - a.failureCount)[0] ?? [];
  if (example === undefined) return [];
  const why = example.failure ?? "nobody has tried";
  return [fact("files_overdue", "", `${overdue.length} files were to be removed, such as ${location}: ${why}`)];
}

type TakenSlot = ReturnType<MemoryState["slots"]["all"]> extends Generator<infer Slot> ? Slot : never;

function idleSlots({ slots, runs }: MemoryState): readonly TakenSlot[] {
  return [...slots.all()].filter(({ holder: { runKey, ordinal } }) => {
    const run = runs.get(runKey);
    if (ordinal === ofRun) return run === undefined || run.row.endedAt !== null || !run.row.isAdmitted;
    return run?.instances[ordinal]?.held !== true;
  });
}

function slotName({ limit, number }: TakenSlot): string {
  return `${limit}, row ${number}`;
}

function fact(kind: StrayFact["kind"], subject: string, detail: string): StrayFact {
  return { kind, subject, detail };
}

function waitingByQueue(state: MemoryState, before: number): ReadonlyMap<string, number> {
  const waiting = new Map<string, number>();
  for (const { row, instances, plan } of state.runs.values()) {
    if (row.endedAt !== null || row.isPaused) continue;
    for (const { task, state: taskState, held, itemsTotal, queuedAt, dueAt, waitsFor } of instances) {
      const isReady = taskState === "queued" && !held && itemsTotal === 0;
      const isDue = waitsFor === null && (dueAt === null || dueAt < before) && (queuedAt ?? before) < before;
      const queue = plan.tasks[task]?.queue ?? "";
      if (isReady && isDue) waiting.set(queue, (waiting.get(queue) ?? 0) + 1);
    }
  }
  return waiting;
}
