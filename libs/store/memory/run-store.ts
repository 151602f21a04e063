import assert from "node:assert/strict";
import type { Decision } from "#core/decision.ts";
import { isSettled } from "#core/run-state.ts";
import { activeRunsLimit } from "#core/limit-names.ts";
import { needsOfRun } from "#core/limits.ts";
import type { DueInstance, HeldAttempt, RunChange, RunChangeResult, RunFacts, RunStore } from "#ports/run-store.ts";
import { aggregateOf, applyDecision, checkGuards } from "./apply-decision.ts";
import { createRun } from "./create-run.ts";
import { clearDispatched, stampDispatched } from "./dispatch-stamps.ts";
import { roomWakes } from "../changes/room-wakes.ts";
import { findAnswer, keepAnswers, refuseAnswered } from "./kept-answers.ts";
import { appendLog } from "./log-store.ts";
import type { MemoryState } from "./memory-state.ts";
import { pickQueued, queuedInstance } from "./pick-queued.ts";
import type { StoredRun } from "./stored-run.ts";
import { takenRequests } from "./taken-requests.ts";
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
    async findAnswer(request) {
      return findAnswer(state, request);
    },
    async keepAnswer(answer) {
      const earlier = findAnswer(state, answer);
      if (earlier === null) keepAnswers(state, [answer]);
      return earlier ?? answer;
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
    async listAdmissible(limit) {
      return listAdmissible(state, limit);
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
export function changeRuns(state: MemoryState, changes: readonly RunChange[]): readonly RunChangeResult[] {
  assert.equal(new Set(changes.map((change) => change.runKey)).size, changes.length, "a batch may change a run once");
  const decided = changes.map((change) => decideOn(state, change));
  const answers = decided.flatMap(({ change, run, decision }) => {
    if (run === null || decision === null || isStale(run, decision)) return [];
    checkGuards(run, decision);
    return change.answers?.(decision) ?? [];
  });
  refuseAnswered(state, answers);
  return decided.map(({ change, run, decision, lacksRoom }): RunChangeResult => {
    if (run === null) return { kind: "missing" };
    if (decision === null) return { kind: "unchanged", run: aggregateOf(run), lacksRoom };
    if (isStale(run, decision)) return { kind: "busy" };
    // Another change of this batch may have taken what there was.
    if (!state.slots.hasRoom(decision.slotsTaken)) return changeRuns(state, [change])[0] ?? { kind: "busy" };
    const logs = change.logs?.(decision) ?? [];
    applyDecision(state, run, decision);
    keepAnswers(state, change.answers?.(decision) ?? []);
    for (const log of logs) appendLog(state, log);
    if (decision.run.endedAt !== null) state.wake.notify("ended", decision.run.runId);
    const applied = { kind: "applied", run: aggregateOf(run), decision } as const;
    for (const topic of roomWakes(applied.run, applied.decision)) state.wake.notify(topic);
    return applied;
  });
}

interface DecidedChange {
  readonly change: RunChange;
  readonly run: StoredRun | null;
  readonly decision: Decision | null;
  readonly lacksRoom: boolean;
}

/** Decides once more, without what needs room, where a limit has none for it. */
function decideOn(state: MemoryState, change: RunChange): DecidedChange {
  const run = state.runs.get(change.runKey) ?? null;
  if (run === null) return { change, run, decision: null, lacksRoom: false };
  const decision = change.decide(aggregateOf(run), { lacksRoom: false });
  if (decision === null || state.slots.hasRoom(decision.slotsTaken)) return { change, run, decision, lacksRoom: false };
  return { change, run, decision: change.decide(aggregateOf(run), { lacksRoom: true }), lacksRoom: true };
}

function isStale(run: StoredRun, decision: Decision): boolean {
  return decision.expectedSequence !== run.row.sequence;
}

/** As the database finds them: each DAG's most urgent first, as many as it has room for. */
function listAdmissible(state: MemoryState, limit: number): readonly number[] {
  const found: number[] = [];
  for (const [dagKey, waiting] of [...state.waitingRuns].toSorted(([a], [b]) => a - b)) {
    const runs = [...waiting].flatMap((runKey) => state.runs.get(runKey) ?? []).filter(({ row }) => !row.isPaused);
    runs.sort((a, b) => b.plan.priority - a.plan.priority || a.row.runKey - b.row.runKey);
    let room = Number.POSITIVE_INFINITY;
    for (const { plan, row } of runs) {
      const needs = needsOfRun(plan, row);
      const ofDag = needs.find((need) => need.limit === activeRunsLimit(dagKey));
      if (ofDag !== undefined) room = Math.min(room, state.slots.room(ofDag.limit, ofDag.size));
      if (room <= 0 || found.length === limit) break;
      if (!needs.every((need) => state.slots.hasRoom([need]))) continue;
      room -= 1;
      found.push(row.runKey);
    }
  }
  return found;
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
  if (entry.kind === "deadline") return entry.at === run.row.deadlineAt && run.row.endedAt === null;
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
  const { id: taskId = "" } = run.plan.tasks[instance.task] ?? {};
  const requests = takenRequests(run, ordinal);
  const isRunning = taskState === "running";
  const held = { runKey, ordinal, runId: run.row.runId, taskId, mapIndex, fence, workerKey, isRunning };
  return [requests === undefined ? held : { ...held, requests }];
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
