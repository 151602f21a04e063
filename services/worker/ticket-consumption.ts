import type { Bus } from "#ports/bus.ts";
import type { PoisonMessage, TicketConsumer, TicketDelivery } from "#ports/ticket-consumer.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type PoisonPlace, PoisonReports } from "./poison-reports.ts";
import type { SessionEvent } from "./session-signals.ts";
import type { TicketIntake } from "./session-tickets.ts";

export interface TicketConsumptionOptions {
  readonly bus: Pick<Bus, "consumeTickets">;
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly dispatch: (event: SessionEvent) => void;
  /** Tells the executor of a message that is no ticket. */
  readonly reportPoison: (poison: PoisonMessage) => void;
  readonly logger: Logger;
}

/** The worker's part in the groups of its queues: what comes in becomes events, and a ticket stays in hand until it is passed. */
export class TicketConsumption {
  readonly #options: TicketConsumptionOptions;
  readonly #consumer: TicketConsumer;
  readonly #poison: PoisonReports;
  readonly #inHand = new Map<number, TicketDelivery>();
  #intake: TicketIntake = "paused";
  #lastDelivery = 0;
  #closing: Promise<void> = Promise.resolve();

  /** Joins, and takes nothing before the intake is open. */
  constructor(options: TicketConsumptionOptions) {
    this.#options = options;
    const { bus, queues, clock, dispatch, reportPoison } = options;
    this.#poison = new PoisonReports({ clock, send: reportPoison });
    this.#consumer = bus.consumeTickets({
      queues,
      onTicket: (delivery) => this.#receive(delivery),
      // The first ones may come before there is anybody to tell.
      onPartitions: (owned) => clock.nextTurn(() => dispatch({ kind: "partitions_owned", owned })),
      onPoison: (poison) => this.#reportPoison(poison),
    });
    this.#consumer.pause();
  }

  /** Resolves when the groups are left, where that has begun. */
  get closed(): Promise<void> {
    return this.#closing;
  }

  setIntake(intake: TicketIntake): void {
    if (intake === this.#intake || this.#intake === "closed") return;
    this.#intake = intake;
    if (intake === "open") this.#consumer.resume();
    else if (intake === "paused") this.#consumer.pause();
    else this.#closing = this.#consumer.close().finally(() => this.#poison.close());
  }

  /** The number of the stream that is open; null: none. */
  setSession(session: number | null): void {
    this.#poison.setSession(session);
  }

  /** The executor has parked the message that lay there. */
  poisonParked(place: PoisonPlace): void {
    this.#poison.acknowledge(place);
  }

  pass(delivery: number): void {
    this.#inHand.get(delivery)?.done();
    this.#inHand.delete(delivery);
  }

  #receive(delivery: TicketDelivery): void {
    this.#lastDelivery += 1;
    this.#inHand.set(this.#lastDelivery, delivery);
    const { skipHint: _, ...ref } = delivery.ticket;
    this.#options.dispatch({ kind: "ticket", delivery: this.#lastDelivery, ref });
  }

  async #reportPoison(poison: PoisonMessage): Promise<void> {
    const { topic, partition, offset, reason, size } = poison;
    await this.#poison.report(poison);
    this.#options.logger.warn({ topic, partition, offset, size, reason }, "a message that is no ticket was parked");
  }
}
