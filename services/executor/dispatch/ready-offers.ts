import type { Decision } from "#core/decision.ts";
import { isLimited } from "#core/limits.ts";
import { isPlaced, isPreferredOn, mayRunOn } from "#core/placement.ts";
import type { PlanTask } from "#core/plan.ts";
import { isReady } from "#core/run-draft.ts";
import type { Instance } from "#core/run-model.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import type { ReadyOffer, TicketPublisher } from "./ticket-publisher.ts";

export interface ReadyOffersOptions {
  readonly sessions: SessionRegistry;
  readonly tickets: TicketPublisher;
  /** False while anything waits that may have a better claim. */
  readonly mayOffer: () => boolean;
}

/** Where everything goes by tickets: what a write makes ready gets its ticket without a pick. */
export interface ReadyOffers {
  /**
   * Sends the tickets while the write is under way, so that they travel as long as it takes. A claim that is here before
   * the commit waits for it; where the write fails the claim is refused, as that of any stale ticket.
   */
  readonly announce: (decision: Decision) => void;
  /** After the commit: answers whether all that became ready has its ticket; otherwise it is the dispatcher's. */
  readonly offer: (decision: Decision) => boolean;
}

/** Tickets go to free slots while nothing else waits, since a pick could find nothing else. */
export function createReadyOffers({ sessions, tickets, mayOffer }: ReadyOffersOptions): ReadyOffers {
  const place = (ready: readonly Ready[]): readonly ReadyOffer[] | null => {
    const free = new Map(sessions.all().map((session) => [session, session.freeSlots]));
    const offers: ReadyOffer[] = [];
    for (const { ready: picked, task } of ready) {
      const session = tickets.mayOffer(picked) ? takeSlot(free, task) : null;
      if (session === null) return null;
      offers.push({ ready: picked, session });
    }
    return offers;
  };
  return {
    announce(decision) {
      if (!mayOffer() || decision.readyOrdinals.length > sessions.freeSlots) return;
      const ready = describeAll(decision) ?? [];
      const sent = new Set(tickets.underWay(ready.map((one) => one.ready)));
      const offers = place(ready.filter((one) => !sent.has(one.ready))) ?? [];
      // What may come to a worker of another executor would be refused there, long before this one commits.
      if (offers.length > 0 && offers.every(({ ready: { queue }, session }) => session.owns(queue)))
        tickets.announce(offers);
    },
    offer(decision) {
      if (decision.readyOrdinals.length > sessions.slots) return false;
      const ready = describeAll(decision);
      if (ready === null) return false;
      const sent = new Set(tickets.underWay(ready.map((one) => one.ready)));
      if (sent.size > 0) tickets.stampLate([...sent]);
      const left = ready.filter((one) => !sent.has(one.ready));
      if (left.length === 0) return true;
      const offers = mayOffer() ? place(left) : null;
      if (offers !== null) tickets.offerAtOnce(offers);
      return offers !== null;
    },
  };
}

interface Ready {
  readonly ready: ReadyOffer["ready"];
  readonly task: PlanTask;
}

/** Null: some of it is nothing for a ticket at once. */
function describeAll(decision: Decision): readonly Ready[] | null {
  const { readyOrdinals, instances } = decision;
  // What was ready before and is not paused any more may have had its ticket.
  const changed = new Map(instances.map(({ next }) => [next.ordinal, next]));
  const all = readyOrdinals.flatMap((ordinal) => {
    const instance = changed.get(ordinal);
    return (instance === undefined ? null : describeReady(decision, instance)) ?? [];
  });
  return all.length === readyOrdinals.length ? all : null;
}

/**
 * As its ticket names it, by the plan of the decision, which may change the version; null: not every worker of its queue may
 * have it, or it needs room in a limit.
 */
function describeReady({ run, plan }: Decision, instance: Instance): Ready | null {
  const task = plan.tasks[instance.task];
  if (task === undefined || !isReady(instance) || isPlaced(task) || isLimited(plan, task)) return null;
  const { runKey, runId } = run;
  const { ordinal, generation, tryNumber, mapIndex } = instance;
  const place = { runKey, ordinal, generation, tryNumber: tryNumber + 1 };
  const picked = { ...place, backend: task.backend, isPlaced: false, wasDispatched: false };
  return { ready: { ...picked, runId, taskId: task.id, mapIndex, queue: task.queue }, task };
}

/** Of the workers that take it willingly the one that has the most slots left, with one less; null: none has any. */
function takeSlot(free: Map<WorkerSession, number>, task: PlanTask): WorkerSession | null {
  let most: WorkerSession | null = null;
  for (const [session, slots] of free) {
    const isBetter = slots > (most === null ? 0 : (free.get(most) ?? 0));
    const takesIt = session.reservedFor === null && session.queues.includes(task.queue);
    if (isBetter && takesIt && mayRunOn(task, session.traits) && isPreferredOn(task, session.traits)) most = session;
  }
  if (most !== null) free.set(most, (free.get(most) ?? 0) - 1);
  return most;
}
