import { hasRoom, roomLeft } from "#core/resource-amounts.ts";
import {
  type Assignment,
  type AttemptRef,
  type AttemptReport,
  failureReport,
  instanceOf,
  interruptedReport,
  keyOf,
} from "./attempt.ts";
import { isIdle, renewIncarnation } from "./session-link.ts";
import type { Held } from "./session-model.ts";
import type { SessionEvent, Verdict } from "./session-signals.ts";
import type { SessionTurn } from "./session-turn.ts";

type EventOf<K extends SessionEvent["kind"]> = Extract<SessionEvent, { kind: K }>;

/** A large outcome that was sent so often without any answer is taken for what breaks the session. */
const maxDeliveries = 10;
const largeOutcomeLength = 1024 * 1024;

/** It asks for more than the worker has: tried again elsewhere, at no cost. */
function unheldReport(): AttemptReport {
  return failureReport("interrupted", "this worker has fewer resources than the attempt asks for; it is run elsewhere");
}

/** Takes an attempt; one that is held already is known and left alone. */
export function receiveAssignment(turn: SessionTurn, assignment: Assignment): void {
  const { ref } = assignment;
  const key = keyOf(ref);
  if (turn.held.has(key)) return;
  if (turn.state.draining !== null) {
    settle(turn, key, { ref, stage: "settled", report: interruptedReport(), deliveries: 0 });
    return;
  }
  if (!hasRoom(turn.state.resources, assignment.requests)) {
    settle(turn, key, { ref, stage: "settled", report: unheldReport(), deliveries: 0 });
    return;
  }
  const siblings = [...turn.held].filter(([, held]) => instanceOf(held.ref) === instanceOf(ref));
  for (const [other, held] of siblings) if (held.stage === "waiting") release(turn, other, held.ref);
  turn.put(key, { ref, stage: "waiting", assignment });
  for (const [other, held] of siblings)
    if (held.stage === "running") stop(turn, other, { ref: held.ref, ending: "release", graceMs: 0 });
  runWaiting(turn);
}

/** The attempt's tree is gone. */
export function receiveFinished(turn: SessionTurn, { key, report }: EventOf<"finished">): void {
  const held = turn.held.get(key);
  giveBack(turn, key);
  if (held === undefined || !isAlive(held)) return;
  const { ref } = held;
  if (held.stage === "running" || held.ending === "report")
    settle(turn, key, { ref, stage: "settled", report, deliveries: 0 });
  else if (held.ending === "release") release(turn, key, ref);
  else turn.drop(key);
  if (held.stage === "stopping" && held.ending === "abandon" && isIdle(turn.held)) renewIncarnation(turn);
  runWaiting(turn);
}

/** Nothing of it runs any more. */
function giveBack(turn: SessionTurn, key: string): void {
  const taken = new Map(turn.state.taken);
  if (taken.delete(key)) turn.change({ taken });
}

/** Accepted or not: the executor has it, so the worker is done with the attempt. */
export function receiveOutcomeAck(turn: SessionTurn, event: EventOf<"outcome_acknowledged">): void {
  const held = turn.held.get(event.key);
  if (held?.stage === "settled") {
    forget(turn, event.key);
    const { dagRunId: dag_run_id, taskId: task_id } = held.ref;
    if (!event.accepted) turn.note("info", "outcome not accepted", { dag_run_id, task_id, reason: event.reason });
  }
}

/**
 * State first, then the stop order: the attempt's outcome is no longer wanted, only that its tree is gone (G13). What a lost
 * lease is killing stays abandoned: only a new incarnation speaks after it, so that nothing of the old one is sent again.
 */
export function receiveStopOrder(turn: SessionTurn, { ref, graceMs }: EventOf<"stop_ordered">): void {
  const key = keyOf(ref);
  const held = turn.held.get(key);
  if (held?.stage === "stopping" && held.ending === "abandon") return;
  if (held !== undefined && isAlive(held)) stop(turn, key, { ref, ending: "release", graceMs });
  else release(turn, key, ref);
}

/** The welcome says of each attempt whether it is still this worker's. */
export function applyVerdicts(turn: SessionTurn, verdicts: ReadonlyMap<string, Verdict>): void {
  for (const [key, held] of turn.held) {
    const { ref } = held;
    const isOurs = (verdicts.get(key) ?? "keep") === "keep";
    if (held.stage === "gone") release(turn, key, ref);
    else if (held.stage === "settled" && isOurs) deliver(turn, key, held);
    else if (held.stage === "settled" && verdicts.get(key) === "settled") forget(turn, key);
    else if (!isOurs && isAlive(held)) stop(turn, key, { ref, ending: "release", graceMs: 0 });
    else if (!isOurs) release(turn, key, ref);
  }
}

/** Nothing may run when the lease is over: all is killed at once. Outcomes that were not acknowledged are kept. */
export function loseLease(turn: SessionTurn): void {
  let killed = 0;
  for (const [key, held] of turn.held) {
    if (held.stage === "waiting") turn.drop(key);
    if (!isAlive(held)) continue;
    killed += 1;
    turn.put(key, { ref: held.ref, stage: "stopping", ending: "abandon" });
    turn.emit({ kind: "stop", key, reason: "lease_lost", graceMs: 0 });
  }
  if (killed > 0) turn.note("warn", "lease lost: killed everything that ran", { attempts: killed });
}

/** The time for draining is over: what runs is told to end, and is reported as interrupted. */
export function interruptAll(turn: SessionTurn): void {
  for (const [key, held] of turn.held) {
    const { ref } = held;
    if (held.stage === "waiting")
      settle(turn, key, { ref, stage: "settled", report: interruptedReport(), deliveries: 0 });
    if (held.stage !== "running") continue;
    turn.put(key, { ref, stage: "stopping", ending: "report" });
    turn.emit({ kind: "stop", key, reason: "drain", graceMs: held.graceMs });
  }
}

function isAlive(held: Held): held is Extract<Held, { stage: "running" | "stopping" }> {
  return held.stage === "running" || held.stage === "stopping";
}

/** Runs what waits, oldest first, while there are slots and resources: never two attempts of an instance at once. */
function runWaiting(turn: SessionTurn): void {
  for (const [key, held] of turn.held) {
    if (held.stage !== "waiting") continue;
    const alive = [...turn.held.values()].filter(isAlive);
    if (alive.length >= turn.state.slots) return;
    if (alive.some(({ ref }) => instanceOf(ref) === instanceOf(held.ref))) continue;
    const { ref, assignment } = held;
    const { resources, taken } = turn.state;
    if (!hasRoom(roomLeft(resources, [...taken.values()]), assignment.requests)) continue;
    turn.change({ taken: new Map(taken).set(key, assignment.requests) });
    turn.put(key, { ref, stage: "running", graceMs: assignment.graceMs });
    turn.emit({ kind: "run", assignment });
  }
}

function stop(turn: SessionTurn, key: string, order: { ref: AttemptRef; ending: "release"; graceMs: number }): void {
  turn.put(key, { ref: order.ref, stage: "stopping", ending: order.ending });
  turn.emit({ kind: "stop", key, reason: "cancel", graceMs: order.graceMs });
}

function settle(turn: SessionTurn, key: string, held: Extract<Held, { stage: "settled" }>): void {
  turn.put(key, held);
  turn.emit({ kind: "keep", ref: held.ref, report: held.report });
  if (turn.isReady) deliver(turn, key, held);
}

function deliver(turn: SessionTurn, key: string, held: Extract<Held, { stage: "settled" }>): void {
  const deliveries = held.deliveries + 1;
  const report = deliveries > maxDeliveries ? undeliverable(held.report) : held.report;
  turn.put(key, { ...held, report, deliveries });
  turn.emit({ kind: "send_outcome", ref: held.ref, report });
}

function undeliverable(report: Extract<Held, { stage: "settled" }>["report"]): typeof report {
  const length = report.outputs.reduce((sum, { json }) => sum + json.length, 0);
  if (length < largeOutcomeLength) return report;
  const { durationMs, logChunks, log } = report;
  const message = `the outcome could not be delivered in ${maxDeliveries} sessions; its outputs may be too large`;
  const failed = { ...failureReport("invalid_output", message), durationMs, logChunks };
  return log === undefined ? failed : { ...failed, log };
}

/** Its tree is gone, and the executor is told so, now or with the next session. */
function release(turn: SessionTurn, key: string, ref: AttemptRef): void {
  const held = turn.held.get(key);
  if (held?.stage === "settled") turn.emit({ kind: "forget", key });
  if (turn.isReady) {
    turn.drop(key);
    turn.emit({ kind: "send_released", ref });
  } else {
    turn.put(key, { ref, stage: "gone" });
  }
}

function forget(turn: SessionTurn, key: string): void {
  turn.drop(key);
  turn.emit({ kind: "forget", key });
}
