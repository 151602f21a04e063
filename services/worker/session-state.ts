import {
  applyVerdicts,
  interruptAll,
  loseLease,
  receiveAssignment,
  receiveFinished,
  receiveOutcomeAck,
  receiveStopOrder,
} from "./held-attempts.ts";
import {
  beat,
  hasHeardLastAssignment,
  receiveBeatAnswer,
  receiveWelcome,
  sendDrainNotice,
} from "./session-heartbeat.ts";
import { changeExecutor, connect, greetingTimeoutMs, mayConnect, receiveClosed } from "./session-link.ts";
import type { SessionState } from "./session-model.ts";
import type { SessionEffect, SessionEvent } from "./session-signals.ts";
import { receiveMeasure } from "./session-strain.ts";
import {
  forgetClaims,
  receiveClaimAnswer,
  receivePartitions,
  receiveTicket,
  sendPartitions,
} from "./session-tickets.ts";
import { SessionTurn } from "./session-turn.ts";

/** After the drain's deadline and the longest grace, acknowledgements get this long to come in. */
const farewellMs = 10_000;
const soleExecutorPauseMs = 200;

/**
 * What a worker does next, from all that it knows. Pure; `now` is a monotonic clock. Invariants:
 * - G4: whatever happens, a lease that is over is seen first, and what ran under it is told to die at once.
 * - An outcome is held until it is acknowledged or disowned, and sent once in every session.
 * - A session that is not open accepts nothing.
 * - A ticket is passed once: when its claim is answered, when it is handed back, or when the session of its claim is over.
 */
export function step(
  state: SessionState,
  event: SessionEvent,
  now: number,
): { readonly state: SessionState; readonly effects: readonly SessionEffect[] } {
  if (state.link.kind === "over") return { state, effects: [] };
  const turn = new SessionTurn(state, now);
  watchLease(turn);
  receive(turn, event);
  watchGreeting(turn);
  beat(turn);
  watchDrain(turn);
  forgetClaims(turn);
  const { link } = turn.state;
  if (link.kind === "idle" && now >= link.retryAt && mayConnect(turn.held)) connect(turn);
  return turn.finish();
}

/** When `step` is to be called with a tick although nothing happened; null: never. */
export function nextWakeAt(state: SessionState): number | null {
  const { link, leaseUntil, leaseMs, draining, held } = state;
  const times: number[] = [];
  if (link.kind === "over") return null;
  if (link.kind === "idle" && mayConnect(held)) times.push(link.retryAt);
  if (link.kind === "greeting") times.push(link.sentAt + greetingTimeoutMs(leaseMs));
  if (link.kind === "ready") times.push(link.nextBeatAt);
  if (leaseUntil !== null) times.push(leaseUntil);
  if (draining !== null) times.push(hasRunning(state) ? draining.deadline : draining.giveUpAt);
  return times.length === 0 ? null : Math.min(...times);
}

function receive(turn: SessionTurn, event: SessionEvent): void {
  switch (event.kind) {
    case "welcome": {
      const verdicts = receiveWelcome(turn, event);
      if (verdicts === null) return;
      turn.emit({ kind: "send_unacknowledged_logs" });
      applyVerdicts(turn, verdicts);
      sendPartitions(turn);
      const { draining } = turn.state;
      if (draining !== null) sendDrainNotice(turn, draining);
      return;
    }
    case "beat_answered":
      receiveBeatAnswer(turn, event);
      return;
    case "assigned":
      if (isPresent(turn, event.connection)) receiveAssignment(turn, event.assignment);
      return;
    case "outcome_acknowledged":
      receiveOutcomeAck(turn, event);
      if (event.next !== null && isPresent(turn, event.connection)) receiveAssignment(turn, event.next);
      return;
    case "ticket":
      receiveTicket(turn, event);
      return;
    case "claim_answered":
      if (isPresent(turn, event.connection)) receiveClaimAnswer(turn, event);
      return;
    case "partitions_owned":
      receivePartitions(turn, event.owned);
      return;
    case "stop_ordered":
      receiveStopOrder(turn, event);
      return;
    case "drain_ordered":
      if (!isPresent(turn, event.connection)) return;
      if (event.goElsewhere) goElsewhere(turn);
      else beginDrain(turn, event.reason);
      return;
    case "closed":
      receiveClosed(turn, event);
      return;
    case "finished":
      receiveFinished(turn, event);
      return;
    case "measured":
      receiveMeasure(turn, event.usage);
      return;
    case "shutdown":
      beginDrain(turn, event.reason);
      return;
    case "tick":
      return;
  }
}

function isPresent(turn: SessionTurn, connection: number): boolean {
  const { link } = turn.state;
  return link.kind === "ready" && link.connection === connection;
}

/** Where there is no other executor this one is given a moment to be replaced. */
function goElsewhere(turn: SessionTurn): void {
  changeExecutor(turn, turn.now + (turn.state.executorCount === 1 ? soleExecutorPauseMs : 0));
}

function watchLease(turn: SessionTurn): void {
  const { leaseUntil, link } = turn.state;
  if (leaseUntil === null || turn.now < leaseUntil) return;
  turn.change({ leaseUntil: null });
  loseLease(turn);
  if (link.kind !== "idle") changeExecutor(turn, turn.now);
}

function watchGreeting(turn: SessionTurn): void {
  const { link, leaseMs } = turn.state;
  if (link.kind !== "greeting" || turn.now < link.sentAt + greetingTimeoutMs(leaseMs)) return;
  turn.note("warn", "the executor did not answer a hello: trying the next");
  changeExecutor(turn, turn.now);
}

function beginDrain(turn: SessionTurn, reason: string): void {
  const { draining, drainTimeoutMs } = turn.state;
  if (draining !== null) return;
  const deadline = turn.now + drainTimeoutMs;
  turn.note("info", "draining", { reason, attempts: turn.held.size });
  sendDrainNotice(turn, { reason, deadline, giveUpAt: deadline + longestGraceMs(turn) + farewellMs, firstBeat: null });
}

function watchDrain(turn: SessionTurn): void {
  const { draining, link } = turn.state;
  if (draining === null) return;
  if (turn.now >= draining.deadline) interruptAll(turn);
  const isDone = turn.held.size === 0 && turn.state.claims.size === 0 && hasHeardLastAssignment(turn.state);
  if (!isDone && turn.now < draining.giveUpAt) return;
  if (!isDone) turn.note("warn", "drained without all acknowledgements", { attempts: turn.held.size });
  if (link.kind === "greeting" || link.kind === "ready") turn.emit({ kind: "disconnect", connection: link.connection });
  turn.change({ link: { kind: "over" }, leaseUntil: null });
}

function longestGraceMs(turn: SessionTurn): number {
  return Math.max(0, ...[...turn.held.values()].map((held) => (held.stage === "running" ? held.graceMs : 0)));
}

function hasRunning(state: SessionState): boolean {
  return [...state.held.values()].some(({ stage }) => stage === "running" || stage === "waiting");
}
