import type { Bus } from "#ports/bus.ts";
import type { PoisonMessage, TicketConsumer, TicketDelivery } from "#ports/ticket-consumer.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { SessionEvent } from "./session-signals.ts";
import type { TicketIntake } from "./session-tickets.ts";

export interface TicketConsumptionOptions {
  readonly bus: Pick<Bus, "consumeTickets">;
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly dispatch: (event: SessionEvent) => void;
  readonly logger: Logger;
}

/** The worker's part in the groups of its queues: what comes in becomes events, and a ticket stays in hand until it is passed. */
export class TicketConsumption {
  readonly #options: TicketConsumptionOptions;
  readonly #consumer: TicketConsumer;
  readonly #inHand = new Map<number, TicketDelivery>();
  #intake: TicketIntake = "paused";
  #lastDelivery = 0;
  #closing: Promise<void> = Promise.resolve();

  /** Joins, and takes nothing before the intake is open. */
  constructor(options: TicketConsumptionOptions) {
    this.#options = options;
    const { bus, queues, clock, dispatch } = options;
    this.#consumer = bus.consumeTickets({
      queues,
      onTicket: (delivery) => this.#receive(delivery),
      // The first ones may come before there is anybody to tell.
      onPartitions: (owned) => clock.nextTurn(() => dispatch({ kind: "partitions_owned", owned })),
      onPoison: async (poison) => this.#logPoison(poison),
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
    else this.#closing = this.#consumer.close();
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

  /** The bytes stay in the topic for as long as it keeps them. */
  #logPoison({ topic, partition, offset, reason, size }: PoisonMessage): void {
    this.#options.logger.error(
      { topic, partition, offset, size, reason },
      "a message that is no ticket is passed over",
    );
  }
}
