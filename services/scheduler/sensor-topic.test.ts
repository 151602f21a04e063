import fc from "fast-check";
import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Definition } from "#definition/model.ts";
import type { KafkaSensor } from "#definition/schema/sensor-definition.ts";
import { uniquePrefix } from "#testing/bus-harness.ts";
import { askForSharedKafka, skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { sensorRuns } from "./sensor-harness.testsuite.ts";
import { anyFates, lookWithFates, openSensorWorld, type SensorWorld } from "./sensor-world.testsuite.ts";

const patience = { timeout: 30_000, interval: 50 };

describe.skipIf(skipsWithoutKafka())("a sensor of a topic", { timeout: 300_000 }, () => {
  let brokers: readonly string[] = [];
  let producer: Producer;
  let createTopic: (topic: string) => Promise<unknown>;

  beforeAll(async () => {
    brokers = await askForSharedKafka();
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    createTopic = async (topic) => {
      const admin = kafka.admin();
      await admin.connect();
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 2 }] });
      await admin.disconnect();
    };
  }, 120_000);
  afterAll(() => producer.disconnect());

  async function openWorld(
    changes: Partial<KafkaSensor> = {},
    settings: Partial<Definition> = {},
  ): Promise<SensorWorld & { send: (messages: readonly { key: string; value: string }[]) => Promise<unknown> }> {
    const topic = `${uniquePrefix()}.orders`;
    await createTopic(topic);
    const sensor: KafkaSensor = {
      ...{ type: "kafka", id: "orders", connection: null, topic, match: null, source: topic },
      ...{ pollIntervalMs: 20, timeoutMs: 30_000, batchSize: 1000 },
      ...changes,
    };
    const connection = { kind: "kafka", name: "test", brokers, tls: null, sasl: null } as const;
    const world = await openSensorWorld(() => sensor, { settings, brokers: connection });
    // A broker knows of a new topic's leaders a moment later.
    await vi.waitFor(async () => {
      world.advance(60_000);
      await world.look();
      expect((await world.view())?.hasBaseline).toBe(true);
    }, patience);
    const send = (messages: readonly { key: string; value: string }[]): Promise<unknown> =>
      producer.send({ topic, messages: messages.map((message) => ({ ...message, partition: 0 })) });
    return { ...world, send };
  }

  const valuesOf = async ({ store }: SensorWorld): Promise<readonly unknown[]> =>
    (await sensorRuns(store, "etl")).map((sensor) => sensor["value"]);

  test("makes one run of each message, however leaders die between fetch and commit, or come late", async () => {
    await fc.assert(
      fc.asyncProperty(anyFates(15), fc.integer({ min: 1, max: 4 }), async (fates, batchSize) => {
        const world = await openWorld({ batchSize });
        const values = [1, 2, 3, 4, 5];
        await world.send(values.map((value) => ({ key: "k", value: String(value) })));
        await lookWithFates(world, fates, 25);
        expect(await valuesOf(world)).toEqual(values);
      }),
      { numRuns: 8 },
    );
  });

  test("an event that makes no run takes no later one back", async () => {
    const concurrency = { key: "params.sensor.key", limit: 1, onConflict: "skip" } as const;
    const world = await openWorld({}, { concurrency });
    await world.send([{ key: "a", value: "1" }]);
    await world.look();
    await world.send([
      { key: "a", value: "2" },
      { key: "b", value: "3" },
      { key: "c".repeat(600), value: "4" },
    ]);
    for (let count = 0; count < 3; count += 1) {
      await world.look();
      world.advance(60_000);
    }
    expect(await valuesOf(world)).toEqual([1, 3]);
    expect((await world.view())?.error).toMatch(/^no run can be made of .*\[0\]@3: .*gives more than 500 characters/);
    const { items } = await world.store.sensors.listEvents(
      { limit: 10, cursor: null, sort: null },
      { dagId: "etl", sensorId: "orders" },
    );
    expect(items.map(({ data, reason }) => [(data as { value: number }).value, reason !== ""])).toEqual(
      expect.arrayContaining([
        [1, false],
        [2, true],
        [3, false],
      ]),
    );
    expect(items).toHaveLength(3);
  });

  test("keeps what it passed over for people to see, once", async () => {
    const world = await openWorld({ match: "value.total > 1" });
    await world.send([
      { key: "k", value: '{"total": "many"}' },
      { key: "k", value: '{"total": 2}' },
    ]);
    for (let count = 0; count < 3; count += 1) await world.look();
    expect(await valuesOf(world)).toEqual([{ total: 2 }]);
    const { items } = await world.store.sensors.listEvents(
      { limit: 10, cursor: null, sort: null },
      { dagId: "etl", sensorId: "orders" },
    );
    const passed = items.filter(({ runId }) => runId === null);
    expect(passed).toMatchObject([{ data: { id: "orders", type: "kafka", count: 1, partition: 0, offset: 0 } }]);
    expect(passed[0]?.reason).toContain("value.total > 1");
  });
});
