import type { RawMessage } from "./bus-message.ts";
import type { Page, PageRequest } from "./queries.ts";

/** A message that nobody can use, as its finder reports it. */
export interface NewDeadLetter extends RawMessage {
  readonly offset: number;
  readonly reason: string;
  /** Bytes of the whole value. */
  readonly size: number;
  /** Something of the message was too long to be kept: it can't be sent again. */
  readonly isCut: boolean;
  /** Who found it: a worker's id. */
  readonly reportedBy: string;
}

export interface DeadLetter extends NewDeadLetter {
  readonly deadLetterKey: number;
  readonly parkedAt: number;
  /** Null: it was not sent again. */
  readonly replayedAt: number | null;
  /** Messages of its topic that came when the topic was full; the row that was its newest then counts them. */
  readonly furtherCount: number;
}

/** What a list shows: all but the message itself. */
export type DeadLetterEntry = Omit<DeadLetter, "key" | "value" | "headers">;

/** `known`: a row has this topic, partition and offset. `counted`: the topic is full, the message is only counted. */
export type ParkResult = "parked" | "known" | "counted";

/** Messages of the bus that were taken out of the way of others (G12). */
export interface DeadLetterStore {
  /** One row for each topic, partition and offset, however often it is reported; at most `maxPerTopic` for a topic. */
  park(letter: NewDeadLetter, maxPerTopic: number): Promise<ParkResult>;
  /** Newest first; of one topic, or of all (null). */
  list(page: PageRequest, filter: { readonly topic: string | null }): Promise<Page<DeadLetterEntry>>;
  find(deadLetterKey: number): Promise<DeadLetter | null>;
  /** Notes that it was sent again; false: it is gone, or was sent again before. */
  markReplayed(deadLetterKey: number): Promise<boolean>;
  /** Deletes it; false: it is gone. */
  drop(deadLetterKey: number): Promise<boolean>;
  /** Messages that are parked and were not sent again, with those that were only counted. */
  countParked(): Promise<number>;
}
