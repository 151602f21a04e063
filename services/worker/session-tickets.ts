import { receiveAssignment } from "./held-attempts.ts";
import type { Claim, Held, SessionState } from "./session-model.ts";
import type { SessionEvent } from "./session-signals.ts";
import { refusalOf } from "./session-strain.ts";
import type { SessionTurn } from "./session-turn.ts";
import { ticketKeyOf } from "./ticket-ref.ts";

type EventOf<K extends SessionEvent["kind"]> = Extract<SessionEvent, { kind: K }>;

/** What a worker does with its consumer of tickets: it takes some, none for now, or none ever again. */
export type TicketIntake = "open" | "paused" | "closed";

/** A worker that is full, or speaks to nobody, leaves tickets where others may get them; one that drains leaves the group. */
export function ticketIntake(state: SessionState): TicketIntake {
  const { link, draining, held, claims, slots } = state;
  if (draining !== null || link.kind === "over") return "closed";
  return link.kind === "ready" && usedSlots(held, claims) < slots && refusalOf(state) === null ? "open" : "paused";
}

/** Slots that attempts have, or will have when their claims are answered. */
export function usedSlots(held: ReadonlyMap<string, Held>, claims: ReadonlyMap<string, Claim>): number {
  const busy = [...held.values()].filter(({ stage }) => stage !== "settled" && stage !== "gone").length;
  return busy + claims.size;
}

/** Claims what it offers, or hands it back; a ticket of what is held or claimed already says nothing new. */
export function receiveTicket(turn: SessionTurn, { delivery, ref }: EventOf<"ticket">): void {
  const { claims, slots, draining } = turn.state;
  const key = ticketKeyOf(ref);
  const claim = claims.get(key);
  if (claim !== undefined) {
    putClaim(turn, key, { ref, deliveries: [...claim.deliveries, delivery] });
    return;
  }
  const isHeld = [...turn.held.values()].some((held) => ticketKeyOf(held.ref) === key);
  const strain = refusalOf(turn.state);
  if (!isHeld && turn.isReady && draining === null && strain === null && usedSlots(turn.held, claims) < slots) {
    putClaim(turn, key, { ref, deliveries: [delivery] });
    turn.emit({ kind: "send_claim", ref });
    return;
  }
  if (!isHeld && turn.isReady)
    turn.emit({
      kind: "return_ticket",
      ref,
      reason: draining === null ? (strain ?? "every slot is taken") : "draining",
    });
  turn.emit({ kind: "pass_ticket", delivery });
}

/** The attempt is this worker's, or the ticket came to nothing. */
export function receiveClaimAnswer(turn: SessionTurn, { key, assignment, reason }: EventOf<"claim_answered">): void {
  const claim = turn.state.claims.get(key);
  if (claim !== undefined) {
    const claims = new Map(turn.state.claims);
    claims.delete(key);
    turn.change({ claims });
    passAll(turn, claim);
  }
  if (assignment !== null) receiveAssignment(turn, assignment);
  else turn.note("info", "a claim came to nothing", { ticket: key, reason });
}

export function receivePartitions(turn: SessionTurn, owned: ReadonlyMap<string, readonly number[]>): void {
  turn.change({ partitions: owned });
  sendPartitions(turn);
}

/** Each session begins without knowing them. */
export function sendPartitions(turn: SessionTurn): void {
  const { partitions } = turn.state;
  if (partitions !== null && turn.isReady) turn.emit({ kind: "send_partitions", owned: partitions });
}

/**
 * Nobody will answer what was claimed on a session that is over. A claim may have been committed: then the next hello
 * settles it; otherwise the instance is dispatched again (G2).
 */
export function forgetClaims(turn: SessionTurn): void {
  const { claims } = turn.state;
  if (turn.isReady || claims.size === 0) return;
  for (const claim of claims.values()) passAll(turn, claim);
  turn.change({ claims: new Map() });
}

function putClaim(turn: SessionTurn, key: string, claim: Claim): void {
  turn.change({ claims: new Map(turn.state.claims).set(key, claim) });
}

function passAll(turn: SessionTurn, { deliveries }: Claim): void {
  for (const delivery of deliveries) turn.emit({ kind: "pass_ticket", delivery });
}
