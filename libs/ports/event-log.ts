/** A committed event; `id` is gapless, in the order of publishing. */
export interface PublishedEvent {
  readonly id: number;
  readonly eventType: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly dagId: string | null;
  readonly dagRunId: string | null;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly correlationId: string | null;
}

export interface EventFilter {
  readonly dagId?: string;
  readonly dagRunId?: string;
  readonly resourceType?: string;
  readonly eventType?: string;
}

/** The outbox as an event log. */
export interface EventLog {
  /** Gives ids to committed events, guarded by the relay lease's epoch; answers how many, or null if the epoch no longer leads. */
  publish(epoch: number, limit: number): Promise<number | null>;
  readAfter(options: { afterId: number; limit: number; filter: EventFilter }): Promise<readonly PublishedEvent[]>;
  lastId(): Promise<number>;
}
