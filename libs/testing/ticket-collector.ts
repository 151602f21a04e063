import { expect, onTestFinished } from "vitest";
import type { Bus, OutgoingTicket } from "#ports/bus.ts";
import type { PoisonMessage, Ticket, TicketConsumer, TicketDelivery } from "#ports/ticket-consumer.ts";

/** How long a test waits for something that a broker does. */
export const brokerLimit = { timeout: 20_000, interval: 20 };

export function ticketOf(taskId: string, change: Partial<Ticket> = {}): Ticket {
  return {
    dagRunId: "etl__2026-01-01T00:00:00Z__0123abcd",
    taskId,
    mapIndex: null,
    generation: 1,
    tryNumber: 1,
    skipHint: false,
    ...change,
  };
}

/** Tickets of tasks `<name>0`, `<name>1`, …, all for one partition, or in turn for several. */
export function ticketsFor(queue: string, partitions: readonly number[], count: number, name = "t"): OutgoingTicket[] {
  return Array.from({ length: count }, (_, index) => ({
    queue,
    partition: partitions[index % partitions.length] ?? null,
    ticket: ticketOf(`${name}${index}`),
  }));
}

/** A consumer that remembers everything that it was told. */
export interface TicketCollector {
  readonly consumer: TicketConsumer;
  readonly deliveries: readonly TicketDelivery[];
  readonly poisons: readonly PoisonMessage[];
  /** Owned partitions of a queue, as last told. */
  ownedOf(queue: string): readonly number[];
  /** Task ids in the order of delivery. */
  taskIds(): readonly string[];
  done(...taskIds: readonly string[]): void;
}

export function collectTickets(
  bus: Bus,
  queues: readonly string[],
  options: {
    onTicket?: (delivery: TicketDelivery) => void;
    onPoison?: (poison: PoisonMessage) => Promise<void>;
  } = {},
): TicketCollector {
  const deliveries: TicketDelivery[] = [];
  const poisons: PoisonMessage[] = [];
  let owned: ReadonlyMap<string, readonly number[]> = new Map();
  const taskIds = (): readonly string[] => deliveries.map(({ ticket }) => ticket.taskId);
  const consumer = bus.consumeTickets({
    queues,
    onTicket: (delivery) => {
      deliveries.push(delivery);
      options.onTicket?.(delivery);
    },
    onPartitions: (now) => {
      owned = now;
    },
    onPoison: async (poison) => {
      poisons.push(poison);
      await options.onPoison?.(poison);
    },
  });
  onTestFinished(() => consumer.close());
  return {
    consumer,
    deliveries,
    poisons,
    ownedOf: (queue) => [...(owned.get(queue) ?? [])].sort((a, b) => a - b),
    taskIds,
    done: (...ids) => {
      for (const { ticket, done } of deliveries) if (ids.includes(ticket.taskId)) done();
    },
  };
}

/** Waits until exactly these tasks were delivered. */
export async function expectTasks(collector: TicketCollector, taskIds: readonly string[]): Promise<void> {
  await expect.poll(() => [...collector.taskIds()].sort(), brokerLimit).toEqual([...taskIds].sort());
}

/** Partitions of one queue, all owned by one consumer after the other has left or before it came. */
export async function expectOwned(collector: TicketCollector, queue: string, count: number): Promise<void> {
  await expect.poll(() => collector.ownedOf(queue).length, brokerLimit).toBe(count);
}
