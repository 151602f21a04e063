import type { BreakerStatus } from "./breaker-status.ts";
import type { RawMessage } from "./bus-message.ts";
import type { Ticket, TicketConsumer, TicketSubscription } from "./ticket-consumer.ts";
import type { TopicPlan, TopicReport } from "./topic-plan.ts";

export interface OutgoingTicket {
  readonly queue: string;
  /** Null: any partition. */
  readonly partition: number | null;
  readonly ticket: Ticket;
}

/** A public event, in the words of CloudEvents. */
export interface BusEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Events of one key keep their order: the run's id, where there is one. */
  readonly key: string;
}

/** `since` is on the monotonic clock. */
export type BusState =
  | { readonly kind: "connecting"; readonly since: number }
  | { readonly kind: "connected"; readonly since: number }
  | { readonly kind: "down"; readonly since: number; readonly cause: string };

/** Carries tickets and events. It is advisory: what it loses is found again in the store, never the other way round. */
export interface Bus {
  readonly state: BusState;
  /** What guards this process against a broker in trouble; none where there is nothing between. */
  readonly breakers: readonly BreakerStatus[];
  /** Called at each change of `state`; the answer ends it. */
  onState(listener: (state: BusState) => void): () => void;
  /**
   * Resolves when the broker has all of them. Rejects with a retryable error within a named limit; the tickets may
   * still arrive then, and one publish may have arrived in part.
   */
  publishTickets(tickets: readonly OutgoingTicket[]): Promise<void>;
  /** As `publishTickets`; events of one key keep the order in which they were given. */
  publishEvents(events: readonly BusEvent[]): Promise<void>;
  /** As `publishTickets`, of whatever content: a parked message again. Topics of other installations are refused. */
  publishRaw(message: RawMessage): Promise<void>;
  /** Joins the group of each queue and stays, over any failure of the broker, until closed. */
  consumeTickets(subscription: TicketSubscription): TicketConsumer;
  /** How many partitions the queue's topic has; 0: there is no such topic. */
  countPartitions(queue: string): Promise<number>;
  /** Creates what is missing and tells what differs; it never alters or shrinks a topic that exists. */
  ensureTopics(plan: TopicPlan): Promise<TopicReport>;
  /** Closes its consumers too. */
  close(): Promise<void>;
}
