import assert from "node:assert/strict";
import { type CreatedRun, createRun as createRunRows } from "#core/create-run.ts";
import { decideRun } from "#core/decide-run.ts";
import type { Plan } from "#core/plan.ts";
import type { CreateRunResult, NewRun } from "#ports/new-run.ts";
import { tellOfNewRun } from "../changes/new-run-wakes.ts";
import { aggregateOf, applyDecision, checkGuards, followAdmission, toNewEvents } from "./apply-decision.ts";
import { findAnswer, keepAnswers } from "./kept-answers.ts";
import { dateKey, type MemoryState } from "./memory-state.ts";
import { fireSensor, mayFire } from "./stored-sensor.ts";
import type { StoredRun } from "./stored-run.ts";

/** Makes a run as a whole, or says why there is none; in the order in which the database finds out. */
export function createRun(state: MemoryState, next: NewRun): CreateRunResult {
  const dag = state.dagsByKey.get(next.dagKey);
  if (dag === undefined) throw new Error(`there is no DAG with key ${next.dagKey}`);
  const request = next.request === null ? null : findAnswer(state, next.request);
  if (request !== null) {
    return request.bodyHash === next.request?.bodyHash
      ? { kind: "repeated", runId: request.runId }
      : { kind: "request_conflict" };
  }
  const old = state.runs.get(state.runKeysByDate.get(dateKey(next.dagKey, next.logicalAt)) ?? -1);
  if (old !== undefined && !next.replaceExisting) return { kind: "exists", runId: old.row.runId };
  if (next.leaderEpoch !== null && !state.leads("scheduler", next.leaderEpoch)) return { kind: "not_leader" };
  if (!mayFire(state, next)) return { kind: "not_leader" };
  if (next.whenFull === "refuse" && makeRows(state, next, dag.dagId) === null) return { kind: "no_room" };
  if (old !== undefined) archive(state, old);
  const made = makeRows(state, { ...next, whenFull: "wait" }, dag.dagId);
  assert.ok(made !== null);
  const run = insert(state, next, made);
  fireSensor(state, next);
  const { runKey, runId, isAdmitted } = run.row;
  const awaitsEvaluation = made.evaluateOrdinals.length > 0;
  const result = { kind: "created", runKey, runId, isAdmitted, awaitsEvaluation } as const;
  tellOfNewRun(state.wake, next, result);
  return result;
}

/** Cancels what goes on and frees the date. */
function archive(state: MemoryState, old: StoredRun): void {
  const decision =
    old.row.endedAt === null
      ? decideRun(aggregateOf(old), [{ kind: "cancel", reason: "replaced" }], state.now())
      : null;
  if (decision !== null) {
    checkGuards(old, decision);
    applyDecision(state, old, decision);
  }
  old.row = { ...old.row, isArchived: true, sequence: old.row.sequence + 1 };
}

/** The rows of a run, which may wait where its limits have no room; null: it was not to wait. */
function makeRows(state: MemoryState, next: NewRun, dagId: string): CreatedRun | null {
  const plan = prioritized(state.planOf(next.versionKey), next.priorityOffset ?? 0);
  const { runId, dagKey, versionKey, logicalAt } = next;
  const identity = { runKey: state.nextKey(), runId, dagKey, dagId, versionKey, logicalAt };
  const { concurrencyKey } = next;
  const make = (isAdmitted: boolean): CreatedRun =>
    createRunRows(plan, { ...identity, concurrencyKey }, state.now(), { isAdmitted });
  const admitted = make(true);
  const mayBegin =
    admitted.slotsTaken.length === 0 || (state.slots.hasRoom(admitted.slotsTaken) && isNext(state, next));
  if (!mayBegin && next.whenFull === "refuse") return null;
  return mayBegin ? admitted : make(false);
}

function insert(state: MemoryState, next: NewRun, created: CreatedRun): StoredRun {
  const { plan } = created.aggregate;
  const { runId, dagKey, logicalAt } = next;
  if (state.runKeys.has(runId)) throw new Error(`there is a run with id ${runId}`);
  const row = { ...created.aggregate.run, sequence: 0 };
  const run: StoredRun = {
    row,
    plan,
    instances: [...created.aggregate.instances],
    made: next,
    attempts: new Map(),
    outputs: new Map(),
    stamps: new Map(),
    earlierRequests: new Map(),
    isOrphaned: false,
  };
  state.runs.set(row.runKey, run);
  state.runKeys.set(runId, row.runKey);
  state.runKeysByDate.set(dateKey(dagKey, logicalAt), row.runKey);
  if (next.request !== null) keepAnswers(state, [{ ...next.request, runId, answer: null }]);
  state.slots.take(row.runKey, created.slotsTaken, state.now());
  followAdmission(state, row);
  for (const instance of run.instances) state.indexes.update(row, plan, instance, null);
  if (row.timeoutAt !== null)
    state.indexes.timed.push({ at: row.timeoutAt, runKey: row.runKey, ordinal: null, kind: "run_timeout" });
  if (row.deadlineAt !== null)
    state.indexes.timed.push({ at: row.deadlineAt, runKey: row.runKey, ordinal: null, kind: "deadline" });
  state.emit(toNewEvents(run, { instances: [], plan, events: created.events }));
  return run;
}

/** The plan of a run whose priority differs from its definition's. */
function prioritized(plan: Plan, offset: number): Plan {
  return offset === 0 ? plan : { ...plan, priority: plan.priority + offset };
}

/** Runs of the same key, or of none, are admitted in their order: while one waits no later one goes first. */
function isNext(state: MemoryState, { dagKey, concurrencyKey }: NewRun): boolean {
  return ![...(state.waitingRuns.get(dagKey) ?? [])].some((runKey) => {
    const row = state.runs.get(runKey)?.row;
    return row !== undefined && !row.isPaused && row.concurrencyKey === concurrencyKey;
  });
}
