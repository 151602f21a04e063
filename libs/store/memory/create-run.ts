import { createRun as createRunRows } from "#core/create-run.ts";
import { decideRun } from "#core/decide-run.ts";
import type { CreateRunResult, NewRun } from "#ports/new-run.ts";
import { aggregateOf, applyDecision, checkGuards, toNewEvents } from "./apply-decision.ts";
import { dateKey, type MemoryState } from "./memory-state.ts";
import type { StoredRun } from "./stored-run.ts";

/** A request id is remembered for so long. */
const requestLifeMs = 24 * 3_600_000;

/** Makes a run as a whole, or says why there is none; in the order in which the database finds out. */
export function createRun(state: MemoryState, next: NewRun): CreateRunResult {
  const dag = state.dagsByKey.get(next.dagKey);
  if (dag === undefined) throw new Error(`there is no DAG with key ${next.dagKey}`);
  const request = findRequest(state, next);
  if (request !== undefined) {
    return request.bodyHash === next.request?.bodyHash
      ? { kind: "repeated", runId: request.runId }
      : { kind: "request_conflict" };
  }
  const old = state.runs.get(state.runKeysByDate.get(dateKey(next.dagKey, next.logicalAt)) ?? -1);
  if (old !== undefined && !next.replaceExisting) return { kind: "exists", runId: old.row.runId };
  if (next.leaderEpoch !== null && !state.leads("scheduler", next.leaderEpoch)) return { kind: "not_leader" };
  if (old !== undefined) archive(state, old);
  const run = insert(state, next, dag.dagId);
  state.wake.notify("queued");
  if (next.replaceExisting) state.wake.notify("stops");
  return { kind: "created", runKey: run.row.runKey, runId: run.row.runId };
}

function findRequest(state: MemoryState, { request }: NewRun): { bodyHash: string; runId: string } | undefined {
  if (request === null) return undefined;
  const found = state.requests.get(requestKey(request));
  return found !== undefined && found.createdAt > state.now() - requestLifeMs ? found : undefined;
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

function insert(state: MemoryState, next: NewRun, dagId: string): StoredRun {
  const plan = state.planOf(next.versionKey);
  const { runId, dagKey, versionKey, logicalAt } = next;
  if (state.runKeys.has(runId)) throw new Error(`there is a run with id ${runId}`);
  const created = createRunRows(
    plan,
    { runKey: state.nextKey(), runId, dagKey, dagId, versionKey, logicalAt },
    state.now(),
  );
  const row = { ...created.aggregate.run, sequence: 0 };
  const run: StoredRun = {
    row,
    plan,
    instances: [...created.aggregate.instances],
    made: next,
    attempts: new Map(),
    outputs: new Map(),
    stamps: new Map(),
    isOrphaned: false,
  };
  state.runs.set(row.runKey, run);
  state.runKeys.set(runId, row.runKey);
  state.runKeysByDate.set(dateKey(dagKey, logicalAt), row.runKey);
  if (next.request !== null)
    state.requests.set(requestKey(next.request), { bodyHash: next.request.bodyHash, runId, createdAt: state.now() });
  for (const instance of run.instances) state.indexes.update(row, plan, instance, null);
  if (row.timeoutAt !== null)
    state.indexes.timed.push({ at: row.timeoutAt, runKey: row.runKey, ordinal: null, kind: "run_timeout" });
  state.emit(toNewEvents(run, { instances: [], plan, events: created.events }));
  return run;
}

function requestKey(request: { caller: string; id: string }): string {
  return JSON.stringify([request.caller, request.id]);
}
