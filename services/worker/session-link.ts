import {
  type Draining,
  type Held,
  incarnationId,
  type SessionEvent,
  type SessionState,
  type Verdict,
} from "./session-model.ts";
import type { SessionTurn } from "./session-turn.ts";

type EventOf<K extends SessionEvent["kind"]> = Extract<SessionEvent, { kind: K }>;

/** The share of the lease after which everything is killed: the rest is for the killing, and for clocks that differ. */
const leaseShare = 0.9;
const firstRetryMs = 200;
const maxRetryMs = 5000;
/** A worker that an executor refuses asks again at this pace: somebody has to set something right. */
const refusedRetryMs = 5000;
/** An executor that is silent for so long after a hello is given up. */
const maxGreetingMs = 5000;
const minGreetingMs = 500;

/** Whether nothing of this worker runs. */
export function isIdle(held: ReadonlyMap<string, Held>): boolean {
  return [...held.values()].every(({ stage }) => stage !== "running" && stage !== "stopping");
}

/** Lost leases are settled before anything else: until its trees are dead the worker speaks to nobody (G4). */
export function mayConnect(held: ReadonlyMap<string, Held>): boolean {
  return [...held.values()].every((attempt) => attempt.stage !== "stopping" || attempt.ending !== "abandon");
}

export function greetingTimeoutMs(leaseMs: number | null): number {
  return leaseMs === null ? maxGreetingMs : Math.min(maxGreetingMs, Math.max(minGreetingMs, leaseMs / 3));
}

export function connect(turn: SessionTurn): void {
  const { state } = turn;
  const connection = state.connection + 1;
  turn.change({ connection, link: { kind: "greeting", connection, sentAt: turn.now } });
  turn.emit({
    kind: "connect",
    connection,
    executor: state.executor,
    incarnation: incarnationId(state.incarnation),
    previous: state.incarnation.previous,
    held: [...turn.held.values()].map(({ ref }) => ref),
  });
}

/** Leaves the present executor; the next in the list is tried at `retryAt`. */
export function changeExecutor(turn: SessionTurn, retryAt: number): void {
  const { link, executor, executorCount } = turn.state;
  if (link.kind === "greeting" || link.kind === "ready") turn.emit({ kind: "disconnect", connection: link.connection });
  turn.change({ link: { kind: "idle", retryAt }, executor: (executor + 1) % executorCount });
}

/** The session is open: the lease counts from the sending of the hello. */
export function receiveWelcome(turn: SessionTurn, event: EventOf<"welcome">): ReadonlyMap<string, Verdict> | null {
  const { link, incarnation } = turn.state;
  if (link.kind !== "greeting" || link.connection !== event.connection) return null;
  const { connection, intervalMs, leaseMs } = event;
  turn.change({
    link: {
      kind: "ready",
      connection,
      intervalMs,
      nextBeatAt: turn.now + intervalMs,
      sequence: 0,
      unansweredSince: null,
    },
    failures: 0,
    leaseMs,
    incarnation: { ...incarnation, wasWelcomed: true },
  });
  extendLease(turn, link.sentAt, leaseMs);
  return event.verdicts;
}

/** The lease counts from the sending of the beat that was answered, not from the answer. */
export function receiveBeatAnswer(turn: SessionTurn, event: EventOf<"beat_answered">): void {
  const { link, leaseMs } = turn.state;
  if (link.kind !== "ready" || link.connection !== event.connection) return;
  if (link.unansweredSince === null || link.sequence !== event.sequence) return;
  turn.setLink({ ...link, unansweredSince: null });
  extendLease(turn, link.unansweredSince, event.leaseMs ?? leaseMs ?? 0);
}

/** Sends the beat that is due; one that was not answered until the next is due means another executor. */
export function beat(turn: SessionTurn): void {
  const { link, slots } = turn.state;
  if (link.kind !== "ready" || turn.now < link.nextBeatAt) return;
  if (link.unansweredSince !== null) {
    turn.note("warn", "a heartbeat was not answered: changing executor", { sequence: link.sequence });
    changeExecutor(turn, turn.now);
    return;
  }
  const sequence = link.sequence + 1;
  const { draining } = turn.state;
  if (draining !== null && draining.firstBeat === null) turn.change({ draining: { ...draining, firstBeat: sequence } });
  turn.setLink({ ...link, sequence, unansweredSince: turn.now, nextBeatAt: turn.now + link.intervalMs });
  const all = [...turn.held.values()];
  const busy = all.filter(({ stage }) => stage !== "settled" && stage !== "gone").length;
  turn.emit({
    kind: "send_beat",
    sequence,
    held: all.map(({ ref }) => ref),
    freeSlots: draining === null ? Math.max(0, slots - busy) : 0,
  });
}

/** Says that no more work is wanted, and asks for an answer that comes after whatever was under way. */
export function sendDrainNotice(turn: SessionTurn, draining: Draining): void {
  turn.change({ draining: { ...draining, firstBeat: null } });
  const { link } = turn.state;
  if (link.kind !== "ready") return;
  turn.emit({ kind: "send_drain_notice", reason: draining.reason });
  if (link.unansweredSince === null) turn.setLink({ ...link, nextBeatAt: turn.now });
}

/** Nothing that the executor sent before it knew of the draining can still come. */
export function hasHeardLastAssignment({ link, draining }: SessionState): boolean {
  if (link.kind !== "ready") return true;
  const first = draining?.firstBeat ?? null;
  return first !== null && (link.sequence > first || link.unansweredSince === null);
}

/** The connection is gone, or never came to be. */
export function receiveClosed(turn: SessionTurn, event: EventOf<"closed">): void {
  const { state } = turn;
  const { link } = state;
  if ((link.kind !== "greeting" && link.kind !== "ready") || link.connection !== event.connection) return;
  const failures = state.failures + 1;
  const isRefused = event.isRefused && link.kind === "greeting";
  const canBeNew = isRefused && state.incarnation.wasWelcomed && isIdle(turn.held);
  if (canBeNew) renewIncarnation(turn);
  const waitMs = canBeNew ? 0 : isRefused ? refusedRetryMs : backOffMs({ ...state, failures }, event.random);
  const fields = { error: event.problem, retry_in_ms: Math.round(waitMs) };
  turn.note("warn", isRefused ? "refused by the executor" : "session to the executor lost", fields);
  turn.change({
    failures,
    link: { kind: "idle", retryAt: turn.now + waitMs },
    executor: (state.executor + 1) % state.executorCount,
  });
}

/** A declared death is certain now: the next hello is that of a new start. */
export function renewIncarnation(turn: SessionTurn): void {
  const { incarnation } = turn.state;
  const next = {
    ...incarnation,
    number: incarnation.number + 1,
    previous: incarnationId(incarnation),
    wasWelcomed: false,
  };
  turn.change({ incarnation: next });
  if (turn.state.link.kind === "idle") turn.setLink({ kind: "idle", retryAt: turn.now });
  turn.emit({ kind: "record_incarnation", incarnation: incarnationId(next) });
}

function extendLease(turn: SessionTurn, sentAt: number, leaseMs: number): void {
  const until = sentAt + leaseMs * leaseShare;
  turn.change({ leaseUntil: until });
  turn.emit({ kind: "extend_lease", until });
}

/** The first round through the list goes at once; later ones wait longer each, but never much of a lease. */
function backOffMs(state: SessionState, random: number): number {
  const round = Math.floor(state.failures / state.executorCount);
  if (round === 0) return 0;
  const limitMs = Math.min(maxRetryMs, Math.max(firstRetryMs, (state.leaseMs ?? Number.POSITIVE_INFINITY) / 4));
  return Math.min(limitMs, firstRetryMs * 2 ** Math.min(round - 1, 10)) * (0.5 + random / 2);
}
