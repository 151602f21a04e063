import type { Admin, Kafka, Producer } from "kafkajs";
import type { OutgoingMessage } from "../message.ts";
import { countTopicPartitions } from "./kafka-topics.ts";
import { createKeyPartitioner } from "./key-partitioner.ts";
import type { RenewedClient } from "./renewed-client.ts";

/**
 * A producer that tries once: kafkajs's own retries lose messages without a word when a partition moves meanwhile to a
 * broker that has already confirmed others of the same send. Whoever sends repeats the whole.
 */
export function openProducer(kafka: Kafka): Producer {
  return kafka.producer({
    createPartitioner: createKeyPartitioner,
    allowAutoTopicCreation: false,
    retry: { retries: 0 },
  });
}

/**
 * One try to send. Resolves to the partitions that do not exist; everything else is stored then. kafkajs leaves out what is
 * for a partition that it does not know, so each partition must be confirmed.
 */
export async function sendMessages(options: {
  producer: RenewedClient<Producer>;
  admin: RenewedClient<Admin>;
  topic: string;
  messages: readonly OutgoingMessage[];
}): Promise<ReadonlySet<number>> {
  const { producer, admin, topic, messages } = options;
  const records = messages.map(({ key, value, headers, partition }) => ({
    key: typeof key === "string" ? key : toBuffer(key),
    value: toBuffer(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, toHeader(text)])),
    ...(partition === null ? {} : { partition }),
  }));
  const wanted = new Set(messages.flatMap(({ partition }) => (partition === null ? [] : [partition])));
  return producer.use(async (client) => {
    const answers = await client.send({ topic, messages: records, acks: -1 });
    const confirmed = new Set(answers.map(({ partition }) => partition));
    const unconfirmed = [...wanted].filter((partition) => !confirmed.has(partition));
    if (unconfirmed.length === 0) return new Set();
    const count = await admin.use((asked) => countTopicPartitions(asked, topic));
    const overlooked = unconfirmed.find((partition) => partition < count);
    // A new partition: thrown, so that a client that keeps its old view is made anew.
    if (overlooked !== undefined) throw new Error(`partition ${overlooked} of ${topic} was not confirmed`);
    return new Set(unconfirmed);
  });
}

function toBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toHeader(value: string | readonly Uint8Array[]): string | Buffer[] {
  return typeof value === "string" ? value : value.map((bytes) => Buffer.from(bytes));
}
