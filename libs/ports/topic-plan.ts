export interface TopicPlan {
  readonly queues: readonly string[];
  /** Of each queue's topic: at least as many as workers that shall get tickets at a time. */
  readonly partitions: number;
  readonly eventPartitions: number;
  /** Null: as the brokers have it by default. */
  readonly replication: number | null;
  readonly ticketRetentionMs: number;
  readonly eventRetentionMs: number;
}

/** A setting of an existing topic that is not as planned. */
export interface TopicDifference {
  readonly topic: string;
  readonly setting: string;
  readonly wanted: string;
  readonly found: string;
}

export interface TopicReport {
  readonly created: readonly string[];
  readonly differences: readonly TopicDifference[];
}
