import type { CircuitBreaker } from "#breakers/circuit-breaker.ts";
import type { TicketConsumer, TicketSubscription } from "#ports/ticket-consumer.ts";
import type { TopicNames } from "../topic-names.ts";
import { createDeadline } from "./deadline.ts";
import type { KafkaBusOptions } from "./kafka-options.ts";
import { QueueMember } from "./queue-member.ts";

/** The longest that closing waits for the broker; then connections are cut and partitions move after the session timeout. */
const closeDeadlineMs = 800;

/** A worker's end of all its queues. */
export class KafkaConsumer implements TicketConsumer {
  readonly #kafka: KafkaBusOptions;
  readonly #members: readonly QueueMember[];
  readonly #onClosed: () => void;
  #isPaused = false;
  #closing: Promise<void> | null = null;

  constructor(options: {
    kafka: KafkaBusOptions;
    names: TopicNames;
    joining: CircuitBreaker;
    subscription: TicketSubscription;
    onTrouble: () => void;
    onClosed: () => void;
  }) {
    const { kafka, names, joining, subscription, onTrouble } = options;
    this.#kafka = kafka;
    this.#onClosed = options.onClosed;
    const session = {
      subscription,
      kafka,
      isPaused: () => this.#isPaused || this.#closing !== null,
      onOwnedChanged: () => this.#tellOwned(subscription),
    };
    this.#members = [...new Set(subscription.queues)].map((queue) => {
      const place = { queue, topic: names.ticketsOf(queue), groupId: names.groupOf(queue) };
      return new QueueMember({ ...session, ...place }, { joining, onTrouble });
    });
  }

  pause(): void {
    this.#isPaused = true;
    for (const member of this.#members) member.adjustFlow();
  }

  resume(): void {
    this.#isPaused = false;
    for (const member of this.#members) member.adjustFlow();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const deadline = createDeadline(this.#kafka.clock, closeDeadlineMs);
    await Promise.all(this.#members.map((member) => member.close(deadline.passed)));
    deadline.cancel();
    this.#onClosed();
  }

  #tellOwned(subscription: TicketSubscription): void {
    if (this.#closing !== null) return;
    subscription.onPartitions(new Map(this.#members.map(({ queue, owned }) => [queue, owned])));
  }
}
