import { incarnationId, incarnationTrail } from "./incarnation.ts";
import type { Held, SessionState } from "./session-model.ts";
import type { SessionEvent } from "./session-signals.ts";
import type { SessionTurn } from "./session-turn.ts";

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
    predecessors: state.incarnation.predecessors,
    held: [...turn.held.values()].map(({ ref }) => ref),
    outcomes: [...turn.held.values()].flatMap(({ ref, stage }) => (stage === "settled" ? ref : [])),
  });
}

/** Leaves the present executor; the next in the list is tried at `retryAt`. */
export function changeExecutor(turn: SessionTurn, retryAt: number): void {
  const { link, executor, executorCount } = turn.state;
  if (link.kind === "greeting" || link.kind === "ready") turn.emit({ kind: "disconnect", connection: link.connection });
  turn.change({ link: { kind: "idle", retryAt }, executor: (executor + 1) % executorCount });
}

/** The connection is gone, or never came to be. */
export function receiveClosed(turn: SessionTurn, event: Extract<SessionEvent, { kind: "closed" }>): void {
  const { state } = turn;
  const { link } = state;
  if ((link.kind !== "greeting" && link.kind !== "ready") || link.connection !== event.connection) return;
  const failures = state.failures + 1;
  const isRefused = event.refusal !== null && link.kind === "greeting";
  const canBeNew = isRefused && event.refusal === "incarnation_lost" && isIdle(turn.held);
  if (canBeNew) renewIncarnation(turn);
  const waitMs = canBeNew ? 0 : isRefused ? refusedRetryMs : backOffMs({ ...state, failures }, event.random);
  const fields = { error: event.problem, retry_in_ms: Math.round(waitMs) };
  turn.note("warn", isRefused ? "refused by the executor" : "session to the executor lost", fields);
  if (isRefused && !canBeNew && failures >= state.executorCount)
    turn.emit({ kind: "tell_refusal", problem: event.problem });
  turn.change({
    failures,
    refusal: isRefused && !canBeNew ? event.problem : state.refusal,
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
    predecessors: incarnationTrail(incarnation),
  };
  turn.change({ incarnation: next });
  if (turn.state.link.kind === "idle") turn.setLink({ kind: "idle", retryAt: turn.now });
  turn.emit({ kind: "record_incarnations", incarnations: incarnationTrail(next) });
}

/** The first round through the list goes at once; later ones wait longer each, but never much of a lease. */
function backOffMs(state: SessionState, random: number): number {
  const round = Math.floor(state.failures / state.executorCount);
  if (round === 0) return 0;
  const limitMs = Math.min(maxRetryMs, Math.max(firstRetryMs, (state.leaseMs ?? Number.POSITIVE_INFINITY) / 4));
  return Math.min(limitMs, firstRetryMs * 2 ** Math.min(round - 1, 10)) * (0.5 + random / 2);
}
