import { AppError, describeError } from "#errors/app-error.ts";
import { createKafkaClient } from "./kafka-client.ts";
import { addCodecs } from "./kafka-codecs.ts";
import { protocolTypeOf, rootOf } from "./kafka-errors.ts";
import type { KafkaAccess } from "./kafka-options.ts";
import { createCluster, type FetchedPartition, type RawRecord, selectMessages } from "./private-kafkajs.ts";

/** One answer has so many bytes at most, or one batch of messages. */
const fetchBytes = 1024 * 1024;
/** There is something to read when it is asked for, so that nothing has to be waited for. */
const fetchWaitMs = 100;

/** What a partition keeps: from `first` on, up to and without `end`. */
export interface PartitionRange {
  readonly partition: number;
  readonly first: number;
  readonly end: number;
}

export interface TopicMessage {
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In the order of the message; a name may come several times. */
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
}

interface TopicPage {
  readonly messages: readonly TopicMessage[];
  /** Where to read on: offsets have gaps. The offset itself where nothing can be read for now. */
  readonly next: number;
}

/** Reads a topic without a group: whoever reads remembers where it was. Messages of open transactions are not there yet. */
export interface TopicReader {
  /** By partition; null: there is no such topic. */
  readRanges(): Promise<readonly PartitionRange[] | null>;
  /** From an offset within a range that was read on. */
  read(place: { readonly partition: number; readonly offset: number }): Promise<TopicPage>;
  /** Cuts its connections; what is under way fails. */
  close(): void;
}

/** Connects when it is first used. Each call throws BUS_UNAVAILABLE with the brokers and why they did not answer. */
export function openTopicReader(topic: string, access: KafkaAccess): TopicReader {
  addCodecs();
  const client = createKafkaClient(access);
  const cluster = createCluster(client.kafka);
  const leaders = new Map<number, number>();
  let connecting: Promise<void> | null = null;
  const ask = async <R>(call: () => Promise<R>): Promise<R> => {
    try {
      connecting ??= cluster.connect();
      await connecting;
      return await call();
    } catch (thrown) {
      throw failure(thrown, access);
    }
  };
  const offsetsOf = async (fromBeginning: boolean): Promise<ReadonlyMap<number, number>> => {
    const partitions = [...leaders.keys()].map((partition) => ({ partition }));
    const found = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning }]);
    return new Map(
      found.flatMap((each) => each.partitions.map(({ partition, offset }) => [partition, Number(offset)])),
    );
  };
  return {
    readRanges: () =>
      ask(async () => {
        if (!(await isThere(() => cluster.addTargetTopic(topic)))) return null;
        for (const { partitionId, leader } of cluster.findTopicPartitionMetadata(topic))
          leaders.set(partitionId, leader);
        // The beginnings first: what is removed meanwhile must not make an end that lies before its beginning.
        const [firsts, ends] = [await offsetsOf(true), await offsetsOf(false)];
        return [...leaders.keys()]
          .toSorted((a, b) => a - b)
          .map((partition) => ({ partition, first: firsts.get(partition) ?? 0, end: ends.get(partition) ?? 0 }));
      }),
    read: ({ partition, offset }) =>
      ask(async () => {
        const broker = await cluster.findBroker({ nodeId: String(leaders.get(partition)) });
        const place = { partition, fetchOffset: String(offset), maxBytes: fetchBytes };
        const fetching = broker.fetch({
          isolationLevel: cluster.isolationLevel,
          maxWaitTime: fetchWaitMs,
          minBytes: 1,
          maxBytes: fetchBytes,
          topics: [{ topic, partitions: [place] }],
        });
        const { responses } = await fetching.catch((thrown: unknown) => {
          throw readFailure(thrown, `offset ${offset} of ${topic}[${partition}]`);
        });
        const fetched = responses[0]?.partitions[0];
        if (fetched === undefined) return { messages: [], next: offset };
        const messages = selectMessages(topic, place.fetchOffset, fetched).map(toTopicMessage);
        return { messages, next: Math.max(endOf(fetched), isGap(fetched, offset) ? offset + 1 : offset) };
      }),
    close: () => client.destroy(),
  };
}

async function isThere(look: () => Promise<void>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (thrown) {
    if (protocolTypeOf(thrown) === "UNKNOWN_TOPIC_OR_PARTITION") return false;
    throw thrown;
  }
}

/** Behind the last record, or behind the batch that it came in: compaction may have taken the ones after it. */
function endOf({ messages }: FetchedPartition): number {
  const last = messages.at(-1);
  if (last === undefined) return 0;
  const { batchContext } = last;
  const batchEnd = batchContext === undefined ? 0 : Number(batchContext.firstOffset) + batchContext.lastOffsetDelta;
  return Math.max(Number(last.offset), batchEnd) + 1;
}

/**
 * Whether nothing is at the offset though what comes later may be read: compaction took it. A broker that has just begun to
 * lead may answer nothing of what is there, and then its range ends before the offset.
 */
function isGap({ lastStableOffset, highWatermark }: FetchedPartition, offset: number): boolean {
  const stable = Number(lastStableOffset);
  return offset < (stable < 0 ? Number(highWatermark) : stable);
}

function toTopicMessage({ offset, timestamp, key, value, headers }: RawRecord): TopicMessage {
  const pairs = Object.entries(headers ?? {}).flatMap(([name, held]) =>
    (Array.isArray(held) ? held : [held ?? ""]).map((one) => [name, Buffer.from(one)] as const),
  );
  return { offset: Number(offset), timestamp: Number(timestamp), key, value, headers: pairs };
}

function failure(thrown: unknown, { brokers }: KafkaAccess): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = `the brokers ${brokers.join(", ")}: ${describeError(rootOf(thrown))}`;
  return new AppError("BUS_UNAVAILABLE", message, { cause: thrown });
}

/** The failure of a read; of messages that nothing here unpacks it says which. */
function readFailure(thrown: unknown, place: string): unknown {
  const root = rootOf(thrown);
  if (!(root instanceof Error) || root.name !== "KafkaJSNotImplemented") return thrown;
  const codec = /^(\w+) compression/.exec(root.message)?.[1] ?? "an unknown codec";
  const message = `the messages at ${place} are packed with ${codec}, which is not read here; have them sent uncompressed, or with gzip or zstd`;
  return new AppError("BUS_UNAVAILABLE", message, { cause: thrown });
}
