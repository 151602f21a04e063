import type { TicketConsumer, TicketSubscription } from "#ports/ticket-consumer.ts";
import type { MemoryBroker } from "./memory-broker.ts";
import type { MemoryGroup, MemoryMember } from "./memory-group.ts";

interface Membership {
  readonly group: MemoryGroup;
  readonly member: MemoryMember;
}

export class MemoryConsumer implements TicketConsumer {
  readonly #broker: MemoryBroker;
  readonly #subscription: TicketSubscription;
  readonly #onClosed: () => void;
  readonly #memberships = new Map<string, Membership>();
  #isPaused = false;
  #isClosed = false;

  constructor(broker: MemoryBroker, subscription: TicketSubscription, onClosed: () => void) {
    this.#broker = broker;
    this.#subscription = subscription;
    this.#onClosed = onClosed;
  }

  /** Of queues whose topic does not exist yet too, when it does. */
  joinGroups(): void {
    for (const queue of this.#subscription.queues) {
      const topic = this.#broker.names.ticketsOf(queue);
      const group = this.#broker.groupOf(topic);
      if (group === null || this.#memberships.has(queue) || this.#broker.downCause !== null) continue;
      const { clock, logger } = this.#broker;
      const member: MemoryMember = {
        intakeOptions: { queue, topic, subscription: this.#subscription, clock, logger },
        owned: new Map(),
        isPaused: () => this.#isPaused || this.#isClosed,
        onOwnedChanged: () => this.#tellOwned(),
      };
      this.#memberships.set(queue, { group, member });
      group.join(member);
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const { group } of this.#memberships.values()) group.wake();
  }

  async close(): Promise<void> {
    this.leave({ died: false });
  }

  leave(how: { died: boolean }): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { group, member } of this.#memberships.values()) group.leave(member, how);
    this.#onClosed();
  }

  #tellOwned(): void {
    if (this.#isClosed) return;
    const owned = [...this.#memberships].map(([queue, { member }]) => [queue, [...member.owned.keys()]] as const);
    this.#subscription.onPartitions(new Map(owned));
  }
}
