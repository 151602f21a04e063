import { type Admin, type Message, Partitioners } from "kafkajs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { KafkaConnection } from "#connections/kafka-connection.ts";
import type { KafkaSensor } from "#definition/schema/sensor-definition.ts";
import { uniquePrefix } from "#testing/bus-harness.ts";
import { findFreePort } from "#testing/free-port.ts";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { askForSharedKafka, skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { rawKafka } from "#bus/kafka/kafka-harness.testsuite.ts";
import { basis, TestSensor } from "../look-harness.testsuite.ts";

const patience = { timeout: 30_000, interval: 50 };

const connectionTo = (brokers: readonly string[]): KafkaConnection => ({
  kind: "kafka",
  name: "test",
  brokers,
  tls: null,
  sasl: null,
});

interface World {
  readonly topic: string;
  readonly admin: Admin;
  readonly sensor: TestSensor;
  readonly send: (...messages: (Message | string)[]) => Promise<void>;
}

async function openWorld(
  changes: Partial<KafkaSensor> = {},
  { partitions = 1, brokers: given = [] as readonly string[] } = {},
): Promise<World> {
  const brokers = given.length === 0 ? await askForSharedKafka() : given;
  const topic = `${uniquePrefix()}.orders`;
  const kafka = rawKafka(brokers);
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  if (partitions > 0)
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions }] });
  // A broker knows of a new topic's leaders a moment later.
  if (partitions > 0) await vi.waitFor(() => admin.fetchTopicOffsets(topic), patience);
  const sensor: KafkaSensor = { ...basis, type: "kafka", connection: null, topic, match: null, ...changes };
  return {
    topic,
    admin,
    sensor: new TestSensor(sensor, { brokers: connectionTo(brokers) }),
    send: async (...messages) => {
      const all = messages.map((message) => (typeof message === "string" ? { value: message } : message));
      await producer.send({ topic, messages: all });
    },
  };
}

const valuesOf = async ({ sensor }: World): Promise<readonly unknown[]> =>
  (await sensor.fired()).map((data) => data["value"]);

describe.skipIf(skipsWithoutKafka())("a sensor of a topic", { timeout: 90_000 }, () => {
  test("fires per message that came since its first look, with all that it has", async () => {
    const world = await openWorld();
    await world.send("before");
    expect(await world.sensor.fired()).toEqual([]);
    await world.send({ key: "k", value: '{"total": 5}', headers: { "X-Type": "order" }, timestamp: "1700000000000" });
    const { firings, hasMore } = await world.sensor.poll();
    expect(firings.map(({ event }) => event)).toEqual([
      {
        subject: `${world.topic}[0]@1`,
        data: {
          topic: world.topic,
          partition: 0,
          offset: 1,
          key: "k",
          value: { total: 5 },
          headers: { "x-type": "order" },
          timestamp: "2023-11-14T22:13:20.000Z",
        },
      },
    ]);
    expect(hasMore).toBe(false);
    expect(await world.sensor.poll()).toMatchObject({ firings: [], patch: null, hasMore: false, problem: null });
  });

  test("fires for those that match; broken JSON and other kinds of messages do not, and nothing stops at them", async () => {
    const world = await openWorld({ match: "value.total > 100" });
    await world.sensor.poll();
    await world.send('{"total": 150}', '{"total": ', '{"other": 1}', '{"total": 99}', '{"total": 101}');
    expect(await valuesOf(world)).toEqual([{ total: 150 }, { total: 101 }]);
    expect(await valuesOf(world)).toEqual([]);
  });

  test("counts what it can't judge or keep, with the first of each kind", async () => {
    const world = await openWorld({ match: "value.total > 100" });
    await world.sensor.poll();
    const large = JSON.stringify({ total: 200, text: "x".repeat(256 * 1024) });
    await world.send('{"total": "a"}', '{"total": "b"}', large, { value: Buffer.from([0xff]) }, '{"total": 101}');
    const { firings, passedOver } = await world.sensor.poll();
    expect(firings).toHaveLength(1);
    expect(passedOver).toEqual([
      {
        subject: `${world.topic}: 2 messages`,
        data: { topic: world.topic, count: 2, partition: 0, offset: 0 },
        reason: expect.stringContaining("value.total > 100"),
      },
      expect.objectContaining({ subject: `${world.topic}: 1 message`, reason: "they are larger than 262144 bytes" }),
      expect.objectContaining({ reason: "their values are no text in UTF-8" }),
    ]);
    expect((await world.sensor.poll()).passedOver).toEqual([]);
  });

  test("takes a batch at once and goes on behind it, in the order of each partition", async () => {
    const world = await openWorld({ batchSize: 5 }, { partitions: 2 });
    await world.sensor.poll();
    for (const partition of [0, 1]) {
      await world.send(...Array.from({ length: 6 }, (_, place) => ({ partition, value: String(place) })));
    }
    const seen: Record<number, unknown[]> = { 0: [], 1: [] };
    const counts: number[] = [];
    for (let hasMore = true; hasMore; ) {
      const result = await world.sensor.poll();
      counts.push(result.firings.length);
      for (const { event } of result.firings) seen[Number(event.data["partition"])]?.push(event.data["value"]);
      hasMore = result.hasMore;
    }
    expect(seen).toEqual({ 0: [0, 1, 2, 3, 4, 5], 1: [0, 1, 2, 3, 4, 5] });
    expect(Math.max(...counts)).toBeLessThanOrEqual(5);
  });

  test("reads new partitions from their beginning", async () => {
    const world = await openWorld();
    await world.sensor.poll();
    await world.admin.createPartitions({ topicPartitions: [{ topic: world.topic, count: 2 }] });
    await vi.waitFor(() => world.send({ partition: 1, value: "new" }), patience);
    const fired: unknown[] = [];
    await vi.waitFor(async () => {
      fired.push(...(await valuesOf(world)));
      expect(fired).toEqual(["new"]);
    }, patience);
  });

  test("says what went unread, and goes on behind it", async () => {
    const world = await openWorld();
    await world.sensor.poll();
    await world.send("a", "b", "c");
    await world.admin.fetchTopicOffsets(world.topic);
    await world.admin.deleteTopicRecords({ topic: world.topic, partitions: [{ partition: 0, offset: "2" }] });
    const result = await world.sensor.poll();
    const what = "offsets 0 to 1 went before the sensor read them; it goes on at 2";
    expect(result).toMatchObject({ problem: `partition 0: ${what}`, passedOver: [{ reason: what }] });
    expect(result.firings.map(({ event }) => event.data["value"])).toEqual(["c"]);
    expect(await world.sensor.poll()).toMatchObject({ firings: [], passedOver: [], problem: null });
  });

  test("a topic that is not there is an error that names it; one that was made anew is read on from its end", async () => {
    const world = await openWorld({}, { partitions: 0 });
    await expect(world.sensor.poll()).rejects.toThrow(`there is no topic ${world.topic} on 127.0.0.1:`);
    await world.admin.createTopics({ waitForLeaders: false, topics: [{ topic: world.topic }] });
    await vi.waitFor(() => world.sensor.poll(), patience);
    await world.send("a", "b");
    expect(await valuesOf(world)).toEqual(["a", "b"]);
    await world.admin.deleteTopics({ topics: [world.topic] });
    await vi.waitFor(() => expect(world.sensor.poll()).rejects.toThrow("there is no topic"), patience);
    await vi.waitFor(
      () => world.admin.createTopics({ waitForLeaders: false, topics: [{ topic: world.topic }] }),
      patience,
    );
    await vi.waitFor(() => world.send("c"), patience);
    const result = await vi.waitFor(() => world.sensor.poll(), patience);
    const what = "its log was cut, or the topic made anew: it ends at 1 though 2 was reached; the sensor goes on at 1";
    expect(result).toMatchObject({ firings: [], problem: `partition 0: ${what}`, passedOver: [{ reason: what }] });
    await world.send("d");
    expect(await world.sensor.poll()).toMatchObject({ firings: [{ event: { data: { value: "d" } } }], problem: null });
  });

  test("brokers that are nowhere to be found, and none at all, are errors that say so", async () => {
    const nowhere = `127.0.0.1:${await findFreePort()}`;
    const { sensor } = await openWorld({}, { partitions: 0 });
    expect(sensor).toBeDefined();
    const definition: KafkaSensor = { ...basis, type: "kafka", connection: null, topic: "t", match: null };
    const lost = new TestSensor(definition, { brokers: connectionTo([nowhere]) });
    await expect(lost.poll()).rejects.toThrow(`the brokers ${nowhere}: `);
    await expect(new TestSensor(definition).poll()).rejects.toThrow("there are no brokers where the scheduler runs");
    const environment = { MILLRACE_CONN_SHOP: `kafka://${nowhere}` };
    const named = new TestSensor({ ...definition, connection: "shop" }, { environment });
    await expect(named.poll()).rejects.toThrow(`the brokers ${nowhere}: `);
  });
});

describe.skipIf(skipsWithoutKafka())("a sensor whose broker goes and comes back", { timeout: 120_000 }, () => {
  let kafka: LocalKafka | null = null;
  beforeAll(async () => {
    kafka = await startLocalKafka();
  }, 120_000);
  afterAll(() => kafka?.close());

  test("fires for each message once", async () => {
    const [node] = kafka?.nodes ?? [];
    if (kafka === null || node === undefined) throw new Error("no broker");
    const world = await openWorld({}, { brokers: kafka.brokers });
    await world.sensor.poll();
    await world.send("a");
    expect(await valuesOf(world)).toEqual(["a"]);
    await world.send("b");
    await node.kill();
    await expect(world.sensor.poll()).rejects.toMatchObject({ code: "BUS_UNAVAILABLE" });
    await node.start();
    await kafka.ready();
    const fired = await vi.waitFor(async () => {
      const values = await valuesOf(world);
      expect(values).toHaveLength(1);
      return values;
    }, patience);
    expect(fired).toEqual(["b"]);
    expect(await valuesOf(world)).toEqual([]);
  });
});
