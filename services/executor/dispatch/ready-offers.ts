import type { Decision } from "#core/decision.ts";
import { isLimited } from "#core/limits.ts";
import { isPlaced, isPreferredOn, mayRunOn } from "#core/placement.ts";
import type { PlanTask } from "#core/plan.ts";
import { isReady } from "#core/run-draft.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import type { ReadyOffer, TicketPublisher } from "./ticket-publisher.ts";

export interface ReadyOffersOptions {
  readonly sessions: SessionRegistry;
  readonly tickets: TicketPublisher;
  /** False while anything waits that may have a better claim. */
  readonly mayOffer: () => boolean;
}

/**
 * Where everything goes by tickets: what a write has just made ready gets its ticket at once if slots are free and nothing
 * waits, since a pick could find nothing else. Answers whether all of it has; otherwise none, and it is the dispatcher's.
 */
export function createReadyOffers({
  sessions,
  tickets,
  mayOffer,
}: ReadyOffersOptions): (run: RunAggregate, decision: Decision) => boolean {
  return (run, { readyOrdinals: ordinals, instances }) => {
    // What was ready before and is not paused any more may have had its ticket.
    const changed = new Set(instances.map(({ next }) => next.ordinal));
    if (!mayOffer() || !ordinals.every((ordinal) => changed.has(ordinal))) return false;
    const free = new Map(sessions.all().map((session) => [session, session.freeSlots]));
    const offers = ordinals.flatMap((ordinal) => {
      const found = describeReady(run, ordinal);
      if (found === null || !tickets.mayOffer(found.ready)) return [];
      const session = takeSlot(free, found.task);
      return session === null ? [] : [{ ready: found.ready, session }];
    });
    if (offers.length < ordinals.length) return false;
    tickets.offerAtOnce(offers);
    return true;
  };
}

/** As its ticket names it; null: not every worker of its queue may have it, or it needs room in a limit. */
function describeReady(
  run: RunAggregate,
  ordinal: number,
): { readonly ready: ReadyOffer["ready"]; readonly task: PlanTask } | null {
  const instance = run.instances[ordinal];
  const task = instance === undefined ? undefined : run.plan.tasks[instance.task];
  if (instance === undefined || task === undefined || !isReady(instance)) return null;
  if (isPlaced(task) || isLimited(run.plan, task)) return null;
  const { runKey, runId } = run.run;
  const { generation, tryNumber, mapIndex } = instance;
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
