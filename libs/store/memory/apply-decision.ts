import assert from "node:assert/strict";
import type { AttemptChange, AttemptKey } from "#core/attempt-change.ts";
import type { Decision, OutputChange } from "#core/decision.ts";
import type { RunAggregate, RunRow } from "#core/run-model.ts";
import { toEventRow } from "../postgres/runs/event-row.ts";
import type { MemoryState, NewEvent } from "./memory-state.ts";
import { keepTakenRequests } from "./taken-requests.ts";
import type { StoredAttempt, StoredRun } from "./stored-run.ts";

/** The run as the rules see it: its instances are those that are stored, and change with it. */
export function aggregateOf(run: StoredRun): RunAggregate {
  return { run: run.row, instances: run.instances, plan: run.plan };
}

/** Throws when a guard of the decision does not hold, as the database would refuse the whole statement. */
export function checkGuards(run: StoredRun, decision: Decision): void {
  for (const { next, guard } of decision.instances) {
    const found = run.instances[next.ordinal];
    const seen = found === undefined ? null : { state: found.state, fence: found.fence };
    assert.deepEqual(seen, guard, `guard refused instance ${next.ordinal} of run ${run.row.runId}`);
  }
  for (const change of decision.attempts) {
    const isThere = change.kind === "opened" && findAttempt(run, change) !== undefined;
    assert.ok(!isThere, `run ${run.row.runId} has that attempt of instance ${change.ordinal} already`);
  }
}

/** Writes a checked decision. */
export function applyDecision(state: MemoryState, run: StoredRun, decision: Decision): void {
  const events = toNewEvents(run, decision);
  if (decision.run.revision !== run.row.revision) keepTakenRequests(run);
  for (const { next } of decision.instances) {
    const before = run.instances[next.ordinal];
    state.indexes.update(
      decision.run,
      decision.plan,
      next,
      before === undefined ? null : { row: before, plan: run.plan },
    );
    run.instances[next.ordinal] = next;
  }
  const { runKey, timeoutAt, deadlineAt } = decision.run;
  state.slots.free(runKey, decision.slotsFreed);
  state.slots.take(runKey, decision.slotsTaken, state.now());
  followAdmission(state, decision.run);
  if (timeoutAt !== null && timeoutAt !== run.row.timeoutAt) {
    state.indexes.timed.push({ at: timeoutAt, runKey, ordinal: null, kind: "run_timeout" });
  }
  if (deadlineAt !== null && deadlineAt !== run.row.deadlineAt) {
    state.indexes.timed.push({ at: deadlineAt, runKey, ordinal: null, kind: "deadline" });
  }
  run.row = decision.run;
  run.plan = decision.plan;
  if (decision.parameters !== null) {
    const { values: parameters, warnings } = decision.parameters;
    run.made = { ...run.made, parameters, warnings };
  }
  for (const change of decision.attempts) applyAttempt(run, change);
  for (const change of decision.outputs) applyOutput(run, change);
  state.emit(events);
}

/** Keeps who waits for room. */
export function followAdmission(state: MemoryState, { runKey, dagKey, isAdmitted, endedAt }: RunRow): void {
  const waiting = state.waitingRuns.get(dagKey) ?? new Set();
  state.waitingRuns.set(dagKey, waiting);
  if (!isAdmitted && endedAt === null) waiting.add(runKey);
  else waiting.delete(runKey);
}

/** Rows of the event log for what a decision on `run` publishes; to be made before it is applied. */
export function toNewEvents(
  run: StoredRun,
  decision: Pick<Decision, "instances" | "plan" | "events">,
): readonly NewEvent[] {
  const before = aggregateOf(run);
  return decision.events.map((event) => {
    const row = toEventRow(event, decision, before);
    return {
      eventType: event.eventType,
      resourceType: String(row["resource_type"]),
      resourceId: String(row["resource_id"]),
      dagId: run.row.dagId,
      dagRunId: run.row.runId,
      data: row["data"] as NewEvent["data"],
    };
  });
}

export function findAttempt(run: StoredRun, { ordinal, generation, tryNumber }: AttemptKey): StoredAttempt | undefined {
  return run.attempts
    .get(ordinal)
    ?.find(({ opened }) => opened.generation === generation && opened.tryNumber === tryNumber);
}

/** An attempt ends once and is released once; what comes later is left alone, as by the statements' conditions. */
function applyAttempt(run: StoredRun, change: AttemptChange): void {
  if (change.kind === "opened") {
    const attempts = run.attempts.get(change.ordinal) ?? [];
    run.attempts.set(change.ordinal, attempts);
    attempts.push({ opened: change, closed: null, releasedAt: null });
  } else if (change.kind === "closed") {
    const attempt = findAttempt(run, change);
    if (attempt !== undefined) attempt.closed ??= change;
  } else {
    const attempt = run.attempts.get(change.ordinal)?.find(({ opened }) => opened.fence === change.fence);
    if (attempt !== undefined) attempt.releasedAt ??= change.releasedAt;
  }
}

function applyOutput(run: StoredRun, change: OutputChange): void {
  if (change.kind === "cleared") {
    run.outputs.delete(change.ordinal);
    return;
  }
  const outputs = run.outputs.get(change.ordinal) ?? new Map();
  run.outputs.set(change.ordinal, outputs);
  outputs.set(change.key, { generation: change.generation, json: change.json, at: change.at });
}
