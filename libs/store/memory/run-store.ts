import assert from "node:assert/strict";
import type { Decision } from "#core/decision.ts";
import { isSettled } from "#core/run-state.ts";
import type { PickedInstance, QueuedInstance } from "#ports/queued-instance.ts";
import type { DueInstance, HeldAttempt, RunChange, RunChangeResult, RunFacts, RunStore } from "#ports/run-store.ts";
import { aggregateOf, applyDecision, checkGuards } from "./apply-decision.ts";
import { createRun } from "./create-run.ts";
import { clearDispatched, isStampedWithin, stampDispatched, wasDispatched } from "./dispatch-stamps.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredRun } from "./stored-run.ts";
import { type InstanceRef, type TimedRef, timeOf } from "./run-indexes.ts";

/**
 * Runs in memory. A change replaces the instances that it touches in the run's one array, so its cost does not grow
 * with the run: what a result shows of a run's instances is how they stand, also after later changes.
 */
export function createMemoryRuns(state: MemoryState): RunStore {
  return {
    async createRun(run) {
      return createRun(state, run);
    },
    async changeRuns(changes) {
      return changeRuns(state, changes);
    },
    async findRunKey(runId) {
      return state.runKeys.get(runId) ?? null;
    },
    async readPlan(versionKey) {
      return state.planOf(versionKey);
    },
    async readFacts(runKeys) {
      return runKeys.flatMap((runKey) => factsOf(state.runs.get(runKey)));
    },
    async pickQueued(options) {
      return pickQueued(state, options);
    },
    async stampDispatched(instances, redispatchAfterMs) {
      return stampDispatched(state, instances, redispatchAfterMs);
    },
    async clearDispatched(instances) {
      clearDispatched(state, instances);
    },
    async listDue(limit) {
      return listDue(state, limit);
    },
    async nextDueInMs() {
      return nextDueInMs(state);
    },
    async listHeldByLostWorkers(limit) {
      const lost = [...state.indexes.held].filter(([workerKey]) => {
        const worker = state.workers.get(workerKey);
        return worker?.status === "lost" || worker?.status === "stopped";
      });
      return lost.flatMap(([, refs]) => [...refs.values()].flatMap((ref) => heldAttempt(state, ref))).slice(0, limit);
    },
    async listHeldByWorker(workerKey) {
      const refs = state.indexes.held.get(workerKey);
      return refs === undefined ? [] : [...refs.values()].flatMap((ref) => heldAttempt(state, ref));
    },
    async listAwaitingEvaluation(limit) {
      return [...state.indexes.awaiting.values()].slice(0, limit).flatMap((ref) => queuedInstance(state, ref));
    },
    async readOutputs(runKey, ordinals) {
      const run = state.runs.get(runKey);
      return ordinals.flatMap((ordinal) =>
        [...(run?.outputs.get(ordinal) ?? [])].map(([key, { json }]) => ({ ordinal, key, json })),
      );
    },
  };
}

/**
 * Decides everything, checks everything, and only then writes: a refused guard leaves nothing behind. A decision that
 * expects another sequence is left out alone, as a run that somebody else has changed.
 */
function changeRuns(state: MemoryState, changes: readonly RunChange[]): readonly RunChangeResult[] {
  assert.equal(new Set(changes.map((change) => change.runKey)).size, changes.length, "a batch may change a run once");
  const decided = changes.map(({ runKey, decide }): { run: StoredRun | null; decision: Decision | null } => {
    const run = state.runs.get(runKey) ?? null;
    return { run, decision: run === null ? null : decide(aggregateOf(run)) };
  });
  for (const { run, decision } of decided)
    if (run !== null && decision !== null && !isStale(run, decision)) checkGuards(run, decision);
  return decided.map(({ run, decision }): RunChangeResult => {
    if (run === null) return { kind: "missing" };
    if (decision === null) return { kind: "unchanged", run: aggregateOf(run) };
    if (isStale(run, decision)) return { kind: "busy" };
    applyDecision(state, run, decision);
    if (decision.run.endedAt !== null) state.wake.notify("ended", decision.run.runId);
    return { kind: "applied", run: aggregateOf(run), decision };
  });
}

function isStale(run: StoredRun, decision: Decision): boolean {
  return decision.expectedSequence !== run.row.sequence;
}

function pickQueued(
  state: MemoryState,
  { queues, backends, limit, oldest = 0, redispatchAfterMs = 0 }: Parameters<RunStore["pickQueued"]>[0],
): readonly PickedInstance[] {
  const mayBeTaken = ({ runKey, ordinal }: InstanceRef): boolean => {
    const run = state.runs.get(runKey);
    const instance = run?.instances[ordinal];
    const task = instance === undefined ? undefined : run?.plan.tasks[instance.task];
    if (run === undefined || instance === undefined || task === undefined || run.row.isPaused) return false;
    const isDue = instance.dueAt === null || instance.dueAt <= state.now();
    if (isStampedWithin(state, run, instance, redispatchAfterMs)) return false;
    return isDue && queues.includes(task.queue) && backends.includes(task.backend);
  };
  const attemptsOut = (dagKey: number): number => state.indexes.attemptsOut(dagKey);
  const picked = state.indexes.ready.pick({ limit, oldest, attemptsOut, mayBeTaken });
  return picked.flatMap((ref) => pickedInstance(state, ref));
}

function listDue(state: MemoryState, limit: number): readonly DueInstance[] {
  const due: DueInstance[] = [];
  const looked = new Map<string, TimedRef>();
  for (let next = popCurrent(state); next !== null; next = popCurrent(state)) {
    // Something that left and came back to the same time has two entries; one is kept.
    const name = `${next.runKey}/${next.ordinal}/${next.kind}`;
    const isRepeated = looked.get(name)?.at === next.at;
    looked.set(name, next);
    if (next.at > state.now() || due.length >= limit) break;
    if (next.kind === "deferral" || isRepeated) continue;
    const fence = next.ordinal === null ? 0 : (state.runs.get(next.runKey)?.instances[next.ordinal]?.fence ?? 0);
    due.push({ runKey: next.runKey, ordinal: next.ordinal, fence, what: next.kind });
  }
  for (const entry of looked.values()) state.indexes.timed.push(entry);
  return due;
}

/** What is due already has been listed, and does not shorten the wait. */
function nextDueInMs(state: MemoryState): number | null {
  const overdue: TimedRef[] = [];
  let next = popCurrent(state);
  while (next !== null && next.at <= state.now()) {
    overdue.push(next);
    next = popCurrent(state);
  }
  for (const entry of overdue) state.indexes.timed.push(entry);
  if (next === null) return null;
  state.indexes.timed.push(next);
  return next.at - state.now();
}

/** The earliest entry that still holds; others are dropped. */
function popCurrent(state: MemoryState): TimedRef | null {
  for (let entry = state.indexes.timed.pop(); entry !== undefined; entry = state.indexes.timed.pop()) {
    if (isCurrent(state, entry)) return entry;
  }
  return null;
}

function isCurrent(state: MemoryState, entry: TimedRef): boolean {
  const run = state.runs.get(entry.runKey);
  if (run === undefined) return false;
  if (entry.kind === "run_timeout")
    return entry.at === run.row.timeoutAt && run.row.endedAt === null && !isSettled(run.row.counts);
  const instance = run.instances[entry.ordinal ?? -1];
  const task = instance === undefined ? undefined : run.plan.tasks[instance.task];
  return instance !== undefined && task !== undefined && timeOf(entry.kind, instance, task) === entry.at;
}

function heldAttempt(state: MemoryState, { runKey, ordinal }: InstanceRef): readonly HeldAttempt[] {
  const run = state.runs.get(runKey);
  const instance = run?.instances[ordinal];
  if (run === undefined || instance === undefined || instance.workerKey === null) return [];
  const { mapIndex, heldFence: fence, workerKey, state: taskState } = instance;
  const taskId = run.plan.tasks[instance.task]?.id ?? "";
  return [
    { runKey, ordinal, runId: run.row.runId, taskId, mapIndex, fence, workerKey, isRunning: taskState === "running" },
  ];
}

function pickedInstance(state: MemoryState, ref: InstanceRef): readonly PickedInstance[] {
  const run = state.runs.get(ref.runKey);
  const instance = run?.instances[ref.ordinal];
  if (run === undefined || instance === undefined) return [];
  return queuedInstance(state, ref).map((queued) => ({ ...queued, wasDispatched: wasDispatched(run, instance) }));
}

function queuedInstance(state: MemoryState, { runKey, ordinal }: InstanceRef): readonly QueuedInstance[] {
  const instance = state.runs.get(runKey)?.instances[ordinal];
  return instance === undefined
    ? []
    : [{ runKey, ordinal, generation: instance.generation, tryNumber: instance.tryNumber + 1 }];
}

function factsOf(run: StoredRun | undefined): readonly RunFacts[] {
  if (run === undefined) return [];
  const { runKey, runId, dagId, versionKey, revision, logicalAt, startedAt } = run.row;
  const { runType, intervalStartAt, intervalEndAt, parameters, traceparent } = run.made;
  return [
    {
      runKey,
      runId,
      dagId,
      versionKey,
      revision,
      runType,
      logicalAt,
      intervalStartAt,
      intervalEndAt,
      startedAt,
      parameters,
      traceparent,
    },
  ];
}
