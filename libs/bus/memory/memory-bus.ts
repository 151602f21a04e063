import { AppError } from "#errors/app-error.ts";
import type { RawMessage } from "#ports/bus-message.ts";
import type { Bus, BusEvent, BusState, OutgoingTicket } from "#ports/bus.ts";
import type { TicketConsumer, TicketSubscription } from "#ports/ticket-consumer.ts";
import type { TopicPlan, TopicReport } from "#ports/topic-plan.ts";
import { encodeEvent } from "../event-codec.ts";
import { encodeRaw } from "../raw-message.ts";
import { StateHolder } from "../state-holder.ts";
import { encodeTicket } from "../ticket-codec.ts";
import type { MemoryBroker } from "./memory-broker.ts";
import { MemoryConsumer } from "./memory-consumer.ts";

/** One process's end of a `MemoryBroker`. */
export class MemoryBus implements Bus {
  readonly breakers = [];
  readonly #broker: MemoryBroker;
  readonly #onClosed: () => void;
  readonly #holder: StateHolder;
  readonly #consumers = new Set<MemoryConsumer>();
  #isClosed = false;

  constructor(broker: MemoryBroker, onClosed: () => void) {
    this.#broker = broker;
    this.#onClosed = onClosed;
    this.#holder = new StateHolder(broker.clock, broker.logger);
    this.tellAvailability();
  }

  get state(): BusState {
    return this.#holder.state;
  }

  onState(listener: (state: BusState) => void): () => void {
    return this.#holder.listen(listener);
  }

  async publishTickets(tickets: readonly OutgoingTicket[]): Promise<void> {
    this.#checkOpen();
    const byQueue = Map.groupBy(tickets, ({ queue }) => queue);
    const encoded = [...byQueue].map(([queue, outgoing]) => ({
      topic: this.#broker.names.ticketsOf(queue),
      messages: outgoing.map(({ ticket, partition }) => encodeTicket(ticket, partition)),
    }));
    for (const { topic, messages } of encoded) this.#broker.append(topic, messages);
  }

  async publishEvents(events: readonly BusEvent[]): Promise<void> {
    this.#checkOpen();
    if (events.length > 0) this.#broker.append(this.#broker.names.events, events.map(encodeEvent));
  }

  async publishRaw(message: RawMessage): Promise<void> {
    this.#checkOpen();
    this.#broker.append(message.topic, [encodeRaw(message, this.#broker.names)]);
  }

  consumeTickets(subscription: TicketSubscription): TicketConsumer {
    this.#checkOpen();
    const consumer = new MemoryConsumer(this.#broker, subscription, () => this.#consumers.delete(consumer));
    this.#consumers.add(consumer);
    consumer.joinGroups();
    return consumer;
  }

  async countPartitions(queue: string): Promise<number> {
    this.#checkOpen();
    return this.#broker.countPartitions(this.#broker.names.ticketsOf(queue));
  }

  async ensureTopics(plan: TopicPlan): Promise<TopicReport> {
    this.#checkOpen();
    return this.#broker.createTopics(plan);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    this.#isClosed = true;
    this.#onClosed();
  }

  /** Ends as a process that dies does: nothing more is committed. For tests and the simulator. */
  crash(): void {
    for (const consumer of this.#consumers) consumer.leave({ died: true });
    this.#isClosed = true;
    this.#onClosed();
  }

  tellAvailability(): void {
    const cause = this.#broker.downCause;
    if (cause === null) this.#holder.connected();
    else this.#holder.down(cause);
  }

  joinGroups(): void {
    for (const consumer of this.#consumers) consumer.joinGroups();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new AppError("BUS_UNAVAILABLE", "this bus is closed: connect another");
  }
}
