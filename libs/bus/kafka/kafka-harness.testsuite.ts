import { Kafka, logLevel, Partitioners } from "kafkajs";
import type { Clock } from "#ports/clock.ts";
import { createLogger } from "#telemetry/logger.ts";
import { type BusHarness, type ReadMessage, uniquePrefix } from "#testing/bus-harness.ts";
import { createTopicNames } from "../topic-names.ts";
import { KafkaBus } from "./kafka-bus.ts";
import { defaultKafkaTiming, type KafkaBusOptions, type KafkaTiming } from "./kafka-options.ts";
import { useNoIdleTimers } from "./without-idle-timers.ts";

const clock: Clock = {
  now: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  nextTurn: (call) => void setImmediate(call),
  afterCallbacks: (call) => process.nextTick(call),
  random: () => Math.random(),
};

/** Shorter than in production, so that tests of failures are; the session is not, as busy machines stall. */
export const testTiming: KafkaTiming = {
  ...defaultKafkaTiming,
  heartbeatIntervalMs: 200,
  requestTimeoutMs: 3000,
  probeIntervalMs: 500,
};

export function kafkaOptions(brokers: readonly string[], change: Partial<KafkaBusOptions> = {}): KafkaBusOptions {
  return {
    brokers,
    clientId: "millrace-test",
    topicPrefix: uniquePrefix(),
    tls: null,
    sasl: null,
    timing: testTiming,
    clock,
    logger: createLogger({ level: "silent", format: "json", component: "bus" }),
    ...change,
  };
}

/** Buses with topics and groups of their own on the given brokers. */
export function createKafkaHarness(brokers: readonly string[], change: Partial<KafkaBusOptions> = {}): BusHarness {
  const options = kafkaOptions(brokers, change);
  const names = createTopicNames(options.topicPrefix);
  const buses: KafkaBus[] = [];
  const open = (): KafkaBus => {
    const bus = new KafkaBus(options);
    buses.push(bus);
    return bus;
  };
  return {
    bus: open(),
    openAnother: async () => open(),
    append: async (queue, partition, { value, headers }) => {
      const bytes = value === null ? null : Buffer.from(value);
      await withProducer(brokers, (producer) =>
        producer.send({
          topic: names.ticketsOf(queue),
          messages: [{ value: bytes, headers: { ...headers }, partition }],
        }),
      );
    },
    readEvents: () => readTopic(brokers, names.events),
    topicOf: (queue) => names.ticketsOf(queue),
    close: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
    },
  };
}

/** A client of the test's own, as another program has it. */
export function rawKafka(brokers: readonly string[]): Kafka {
  useNoIdleTimers();
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
}

export async function withProducer<T>(
  brokers: readonly string[],
  use: (producer: ReturnType<Kafka["producer"]>) => Promise<T>,
): Promise<T> {
  const producer = rawKafka(brokers).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    return await use(producer);
  } finally {
    await producer.disconnect();
  }
}

async function readTopic(brokers: readonly string[], topic: string): Promise<readonly ReadMessage[]> {
  const kafka = rawKafka(brokers);
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const expected = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const consumer = kafka.consumer({ groupId: uniquePrefix(), maxWaitTimeInMs: 100 });
  const messages: ReadMessage[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message: { key, value, headers = {} } }) => {
      const texts = Object.entries(headers).map(([name, text]) => [name, String(text)]);
      messages.push({ key: String(key), value, headers: Object.fromEntries(texts), partition });
      if (messages.length === expected) resolve();
    },
  });
  if (expected > 0) await promise;
  await consumer.disconnect();
  return messages;
}
