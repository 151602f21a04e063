import { createRequire } from "node:module";
import type { IHeaders, Kafka } from "kafkajs";

/*
 * Parts of kafkajs that it keeps to itself. Its consumers always join a group, which costs seconds, rights and rows on the
 * brokers; what remembers its offsets elsewhere only has to fetch. The version is fixed, so these parts stay as they are.
 */

/** Messages of transactions count once they are committed. */
const readCommitted = 1;

export interface RawRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders;
  /** Of the record batch that it came in; absent in the format before version 2. */
  readonly batchContext?: { readonly firstOffset: string; readonly lastOffsetDelta: number };
}

/** What a fetch gives of one partition. */
export interface FetchedPartition {
  readonly partition: number;
  readonly messages: readonly RawRecord[];
  /** Messages from it on belong to open transactions, or other brokers lack them; -1: only `highWatermark` says so. */
  readonly lastStableOffset: string;
  readonly highWatermark: string;
}

interface FetchRequest {
  readonly isolationLevel: number;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

interface Broker {
  fetch(
    request: FetchRequest,
  ): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>;
}

/** What kafkajs's own clients talk to the brokers by. */
interface KafkaCluster {
  readonly isolationLevel: number;
  connect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[];
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      readonly fromBeginning: boolean;
    }[],
  ): Promise<readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>;
  findBroker(options: { readonly nodeId: string }): Promise<Broker>;
}

type CreateCluster = (options: {
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
  readonly isolationLevel: number;
}) => KafkaCluster;

const metadataMaxAgeMs = 300_000;

/** A cluster without a group, which creates no topics. */
export function createCluster(kafka: Kafka): KafkaCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === "private:Kafka:createCluster",
  );
  const create = symbol === undefined ? undefined : (kafka as unknown as Record<symbol, CreateCluster>)[symbol];
  if (create === undefined) throw new Error("kafkajs has another inside than that of its version 2.2.4");
  return create({ metadataMaxAge: metadataMaxAgeMs, allowAutoTopicCreation: false, isolationLevel: readCommitted });
}

interface RecordBatch {
  /** From the offset on, without control records and those of transactions that were given up. */
  readonly messages: readonly RawRecord[];
}

const load = createRequire(import.meta.url);
const Batch = load("kafkajs/src/consumer/batch.js") as new (
  topic: string,
  fetchedOffset: string,
  fetched: FetchedPartition,
) => RecordBatch;

/** The messages that count among those fetched. */
export function selectMessages(topic: string, fetchedOffset: string, fetched: FetchedPartition): readonly RawRecord[] {
  return new Batch(topic, fetchedOffset, fetched).messages;
}
