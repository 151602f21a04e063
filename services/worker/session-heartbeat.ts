import { incarnationId } from "./incarnation.ts";
import { changeExecutor } from "./session-link.ts";
import type { Draining, SessionState } from "./session-model.ts";
import { strainOf } from "./session-strain.ts";
import type { SessionEvent, Verdict } from "./session-signals.ts";
import { usedSlots } from "./session-tickets.ts";
import type { SessionTurn } from "./session-turn.ts";

type EventOf<K extends SessionEvent["kind"]> = Extract<SessionEvent, { kind: K }>;

/** The share of the lease after which everything is killed: the rest is for the killing, and for clocks that differ. */
const leaseShare = 0.9;
/** A beat that goes out so much of the lease too late says that this process is held up. */
const heldUpShare = 1 / 3;

/** The session is open: the lease counts from the sending of the hello. */
export function receiveWelcome(turn: SessionTurn, event: EventOf<"welcome">): ReadonlyMap<string, Verdict> | null {
  const { link } = turn.state;
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
    refusal: null,
    leaseMs,
  });
  extendLease(turn, link.sentAt, leaseMs);
  forgetPredecessors(turn);
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
  watchPunctuality(turn, link.nextBeatAt);
  const { draining, pressure } = turn.state;
  if (draining !== null && draining.firstBeat === null) turn.change({ draining: { ...draining, firstBeat: sequence } });
  turn.setLink({ ...link, sequence, unansweredSince: turn.now, nextBeatAt: turn.now + link.intervalMs });
  const busy = usedSlots(turn.held, turn.state.claims);
  turn.emit({
    kind: "send_beat",
    sequence,
    held: [...turn.held.values()].map(({ ref }) => ref),
    freeSlots: draining === null ? Math.max(0, slots - busy) : 0,
    usage: pressure.usage,
    strain: strainOf(turn.state),
  });
}

/** A process that is held up so long cannot keep its lease: it takes nothing new until a beat goes out in time again. */
function watchPunctuality(turn: SessionTurn, dueAt: number): void {
  const { leaseMs, isHeldUp } = turn.state;
  const lateMs = turn.now - dueAt;
  const isLate = leaseMs !== null && lateMs >= leaseMs * heldUpShare;
  if (isLate === isHeldUp) return;
  turn.change({ isHeldUp: isLate });
  if (isLate) turn.note("warn", "this process was held up: no new work for now", { late_ms: Math.round(lateMs) });
}

/** The database knows this incarnation: the next start need not name the earlier ones. */
function forgetPredecessors(turn: SessionTurn): void {
  const { incarnation } = turn.state;
  if (incarnation.predecessors.length === 0) return;
  turn.change({ incarnation: { ...incarnation, predecessors: [] } });
  turn.emit({ kind: "record_incarnations", incarnations: [incarnationId(incarnation)] });
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

function extendLease(turn: SessionTurn, sentAt: number, leaseMs: number): void {
  const until = sentAt + leaseMs * leaseShare;
  turn.change({ leaseUntil: until });
  turn.emit({ kind: "extend_lease", until });
}
