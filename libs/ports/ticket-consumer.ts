import type { RawMessage } from "./bus-message.ts";

/** Offers one attempt; the claim decides who gets it. It holds no input and no secret. */
export interface Ticket {
  readonly dagRunId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly generation: number;
  readonly tryNumber: number;
  /** True: the worker reports a skip and runs nothing. */
  readonly skipHint: boolean;
}

/** A ticket in hand. Its partition's offset stands before it until `done` is called for it and all before it. */
export interface TicketDelivery {
  readonly queue: string;
  readonly partition: number;
  readonly ticket: Ticket;
  /** The claim was answered. Calling it again, or after the partition has moved away, does nothing. */
  readonly done: () => void;
}

/** A message that is no ticket: undecodable, too big, of another version. */
export interface PoisonMessage extends RawMessage {
  readonly offset: number;
  readonly reason: string;
  /** The full length of the value, which is cut to a limit. */
  readonly size: number;
  /** Value, key or headers were longer than what is handed on. */
  readonly isCut: boolean;
}

/** What a worker does with a queue's messages. Handlers never wait: `onTicket` takes note and returns. */
export interface TicketSubscription {
  readonly queues: readonly string[];
  /** Once for each message while its partition stays with this consumer; again, here or elsewhere, if it was not done. */
  readonly onTicket: (delivery: TicketDelivery) => void;
  /** The partitions that this consumer owns, by queue, at each change. Only a hint to others: it may be stale. */
  readonly onPartitions: (owned: ReadonlyMap<string, readonly number[]>) => void;
  /** Parks the message (G12); it is called again until it resolves, and only then the offset may pass. */
  readonly onPoison: (poison: PoisonMessage) => Promise<void>;
}

export interface TicketConsumer {
  /** No ticket comes after this returns, until `resume`. Partitions stay owned. */
  pause(): void;
  resume(): void;
  /** Commits what is done and leaves the groups at once. What is in hand goes to others. */
  close(): Promise<void>;
}
