import { describeError } from "#errors/app-error.ts";
import { failpoint } from "#failpoints/failpoint.ts";
import type { Bus, OutgoingTicket } from "#ports/bus.ts";
import type { Clock } from "#ports/clock.ts";
import type { PickedInstance, QueuedInstance, StampedInstance } from "#ports/queued-instance.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { ticketId } from "../sessions/attempt-ref.ts";
import type { ExecutorBackend, PlannedClaim } from "#ports/executor-backend.ts";
import { LateStamps, type UnstampedTicket } from "./late-stamps.ts";
import { pushClaim } from "./push-claim.ts";
import { isForTickets, type ServedBackends } from "./served-backends.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

export interface TicketPublisherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: SessionRegistry;
  readonly bus: Pick<Bus, "state" | "publishTickets">;
  readonly backends: ServedBackends;
  readonly redispatchAfterMs: number;
  readonly logger: Logger;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
}

/** What has just become ready, and a worker with a free slot. */
export interface ReadyOffer {
  readonly ready: PickedInstance & StampedInstance;
  readonly session: WorkerSession;
}

/** A ticket on its way, and whom it is meant for. */
interface Offered {
  readonly id: string;
  readonly planned: PlannedClaim;
  /** The worker's, when it was chosen; undefined: it has just gone. */
  readonly session: WorkerSession | undefined;
  readonly outgoing: OutgoingTicket;
}

/**
 * Offers picked instances by tickets: stamps them, and publishes to a partition that the chosen worker owns. What it
 * can't publish is claimed over the session at once: the bus is advisory (G15). What gets lost on it stays queued, and is
 * picked again when its stamp is old (G2).
 */
export class TicketPublisher implements ExecutorBackend {
  readonly name = "kafka";
  readonly #options: TicketPublisherOptions;
  readonly #lateStamps: LateStamps;

  constructor(options: TicketPublisherOptions) {
    this.#options = options;
    this.#lateStamps = new LateStamps(options.clock, (tickets) => this.#stamp(tickets));
  }

  /**
   * A second ticket of the same instance might go the way of the first, and one for certain workers to any of its queue:
   * those are claimed over the session.
   */
  mayOffer(instance: Pick<PickedInstance, "backend" | "isPlaced" | "wasDispatched">): boolean {
    const { bus, backends } = this.#options;
    return (
      !instance.wasDispatched &&
      !instance.isPlaced &&
      isForTickets(backends, instance) &&
      bus.state.kind === "connected"
    );
  }

  /**
   * Resolves with the number of tickets that are on their way; each counts against its worker's slots until it is claimed
   * or too old.
   */
  async offer(planned: readonly PlannedClaim[]): Promise<number> {
    if (planned.length === 0) return 0;
    const { store, sessions, redispatchAfterMs } = this.#options;
    const reserved = planned.map(({ workerKey }) => sessions.get(workerKey));
    for (const session of reserved) session?.reserve(1);
    try {
      const instances = planned.map(({ instance }) => instance);
      const stamped = await store.runs.stampDispatched(instances, redispatchAfterMs);
      const byPlace = new Map(planned.map((claim) => [placeOf(claim.instance), claim]));
      const offered = stamped.flatMap((one) => {
        const claim = byPlace.get(placeOf(one));
        return claim === undefined ? [] : [this.#offerTo(claim, one)];
      });
      if (offered.length > 0) void this.#publish(offered);
      return offered.length;
    } finally {
      for (const session of reserved) session?.unreserve(1);
    }
  }

  /** Of what has just become ready, that of which a ticket is in flight, or claimed by a worker that has no answer yet. */
  underWay<T extends ReadyOffer["ready"]>(ready: readonly T[]): readonly T[] {
    const sessions = this.#options.sessions.all();
    return ready.filter((one) => {
      const id = ticketIdOf(one);
      return sessions.some((session) => session.offers.has(id) || session.awaitsReply(id));
    });
  }

  /** Publishes tickets of what is about to become ready, each for a worker with a free slot. */
  announce(offers: readonly ReadyOffer[]): void {
    void this.#publish(offers.map((offer) => this.#offerReady(offer)));
  }

  /** Publishes tickets of what has just become ready; stamped is what nobody claims soon. */
  offerAtOnce(offers: readonly ReadyOffer[]): void {
    const offered = offers.map((offer) => this.#offerReady(offer));
    this.stampLate(offers.map(({ ready }) => ready));
    void this.#publish(offered);
  }

  /** Stamps that of which a ticket is in flight, unless somebody claims it soon. */
  stampLate(ready: readonly ReadyOffer["ready"][]): void {
    const { sessions } = this.#options;
    this.#lateStamps.add(
      ready.map((instance) => {
        const id = ticketIdOf(instance);
        return { instance, isOut: () => sessions.all().some(({ offers }) => offers.has(id)) };
      }),
    );
  }

  get offeredCount(): number {
    return this.#lateStamps.count;
  }

  isOffered(instance: QueuedInstance): boolean {
    return this.#lateStamps.has(instance);
  }

  stop(): void {
    this.#lateStamps.stop();
  }

  /** What comes back while its stamp is written would wait for a ticket that is not out any more. */
  async #stamp(tickets: readonly UnstampedTicket[]): Promise<void> {
    const { store, redispatchAfterMs, logger } = this.#options;
    const instances = tickets.map(({ instance }) => instance);
    try {
      await store.runs.stampDispatched(instances, redispatchAfterMs);
      const back = tickets.filter(({ isOut }) => !isOut()).map(({ instance }) => instance);
      if (back.length === 0) return;
      await store.runs.clearDispatched(back);
      store.wake.notify("queued");
    } catch (error) {
      logger.debug({ error: describeError(error) }, "tickets were not stamped; the next scan may offer them again");
    }
  }

  #offerReady({ ready, session }: ReadyOffer): Offered {
    return this.#offerTo({ workerKey: session.workerKey, instance: ready }, ready);
  }

  #offerTo(planned: PlannedClaim, stamped: StampedInstance): Offered {
    const { runId: dagRunId, taskId, mapIndex, generation, tryNumber, queue, runKey, ordinal } = stamped;
    const ticket = { dagRunId, taskId, mapIndex, generation, tryNumber, skipHint: false };
    const id = ticketId(ticket);
    const session = this.#options.sessions.get(planned.workerKey);
    session?.offers.add(id, { runKey, ordinal });
    return { id, planned, session, outgoing: { queue, partition: session?.nextPartition(queue) ?? null, ticket } };
  }

  /** A publish that is refused may have arrived in part: whoever claims first has the attempt. */
  async #publish(offered: readonly Offered[]): Promise<void> {
    const { store, bus, logger } = this.#options;
    try {
      await bus.publishTickets(offered.map(({ outgoing }) => outgoing));
      failpoint("ticket_publishing.after");
    } catch (error) {
      const unclaimed = offered.filter(({ id, session }) => session?.offers.take(id) !== null);
      logger.warn(
        { error: describeError(error), tickets: unclaimed.length },
        "tickets were not published; their attempts go over the sessions",
      );
      if (unclaimed.length === 0) return;
      const instances = unclaimed.map(({ planned }) => planned.instance);
      await Promise.all([
        store.runs
          .clearDispatched(instances)
          .catch((failed: unknown) =>
            logger.debug({ error: describeError(failed) }, "stamps were not taken back; they grow old by themselves"),
          ),
        // A claim fails when this executor stops, or as its writer has logged; the instance stays queued.
        ...unclaimed.map(({ planned }) => pushClaim(this.#options, planned).catch(() => undefined)),
      ]);
      // The worker may have gone: then another must have it.
      store.wake.notify("queued");
    }
  }
}

function placeOf({ runKey, ordinal }: Pick<QueuedInstance, "runKey" | "ordinal">): string {
  return `${runKey}/${ordinal}`;
}

function ticketIdOf(ready: ReadyOffer["ready"]): string {
  return ticketId({ ...ready, dagRunId: ready.runId });
}
