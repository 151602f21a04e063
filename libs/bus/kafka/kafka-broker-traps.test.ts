import { zstdCompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { openBusForTest, planFor } from "#testing/bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, ticketOf, ticketsFor } from "#testing/ticket-collector.ts";
import { askForSharedKafka, skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { encodeTicket } from "../ticket-codec.ts";
import { createKafkaHarness, kafkaOptions, rawKafka, withProducer } from "./kafka-harness.testsuite.ts";
import { MemberSession } from "./member-session.ts";

const rejoinLimit = { timeout: 30_000, interval: 50 };

describe.skipIf(skipsWithoutKafka())("the Kafka bus, where brokers and kafkajs set traps", { timeout: 60_000 }, () => {
  const zstd = CompressionCodecs[CompressionTypes.ZSTD];
  afterEach(() => {
    CompressionCodecs[CompressionTypes.ZSTD] = zstd;
  });

  const open = async () => createKafkaHarness(await askForSharedKafka());

  it("reads what other programs compress in ways that kafkajs lacks, as the broker unpacks it", async () => {
    const { bus, queue, topicOf } = await openBusForTest(open);
    const { value, headers, key } = encodeTicket(ticketOf("zipped"), 0);
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer),
      decompress: async () => Buffer.alloc(0),
    });
    await withProducer(await askForSharedKafka(), (producer) =>
      producer.send({
        topic: topicOf(queue),
        compression: CompressionTypes.ZSTD,
        messages: [{ key, value: Buffer.from(value), headers: { ...headers }, partition: 0 }],
      }),
    );
    CompressionCodecs[CompressionTypes.ZSTD] = zstd;
    await expectTasks(collectTickets(bus, [queue]), ["zipped"]);
  });

  it("goes on in a topic that was lost and created anew", async () => {
    const { bus, queue, topicOf } = await openBusForTest(open, 2);
    const collector = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0, 1], 20, "old"));
    await expect.poll(() => collector.deliveries.length, brokerLimit).toBe(20);
    collector.done(...collector.taskIds().slice(0, 10));
    const admin = rawKafka(await askForSharedKafka()).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    await admin.deleteTopics({ topics: [topicOf(queue)] });
    await expect.poll(() => bus.countPartitions(queue), brokerLimit).toBe(0);
    await bus.ensureTopics(planFor([queue], 2));
    await bus.publishTickets(ticketsFor(queue, [0, 1], 4, "new"));
    await expect
      .poll(() => collector.taskIds().filter((id) => id.startsWith("new")).length, rejoinLimit)
      .toBeGreaterThanOrEqual(4);
    collector.done(...collector.taskIds());
    await collector.consumer.close();
    const next = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0, 1], 2, "marker"));
    await expectTasks(next, ["marker0", "marker1"]);
  });

  it("publishes to a partition that was added a moment ago", async () => {
    const { bus, queue, topicOf } = await openBusForTest(open, 1);
    await bus.publishTickets(ticketsFor(queue, [0], 1));
    const admin = rawKafka(await askForSharedKafka()).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    await admin.createPartitions({ topicPartitions: [{ topic: topicOf(queue), count: 3 }] });
    await expect.poll(() => bus.countPartitions(queue), brokerLimit).toBe(3);
    await bus.publishTickets(ticketsFor(queue, [2], 1, "added"));
    await expectTasks(collectTickets(bus, [queue]), ["t0", "added0"]);
  });

  it("gives the tickets of a consumer that died without a word to another", async () => {
    const brokers = await askForSharedKafka();
    const { bus, queue, topicOf } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 8));
    const seen: string[] = [];
    const topic = topicOf(queue);
    const dying = new MemberSession({
      queue,
      topic,
      groupId: topic.replace(".tasks.", ".workers."),
      subscription: {
        queues: [queue],
        onTicket: ({ ticket }) => seen.push(ticket.taskId),
        onPartitions: () => undefined,
        onPoison: async () => undefined,
      },
      kafka: kafkaOptions(brokers),
      isPaused: () => false,
      onOwnedChanged: () => undefined,
    });
    dying.run().catch(() => undefined);
    await expect.poll(() => seen.length, brokerLimit).toBe(8);
    dying.destroy();
    const next = collectTickets(bus, [queue]);
    await expect.poll(() => next.ownedOf(queue).length, rejoinLimit).toBe(4);
    await expectTasks(next, [...seen]);
  });

  it("tells which settings of a topic differ, and refuses copies that the brokers can't hold", async () => {
    const { bus, queue, topicOf } = await openBusForTest(open, 2);
    const plan = planFor([queue], 2);
    const topic = topicOf(queue);
    const { differences } = await bus.ensureTopics({ ...plan, ticketRetentionMs: 60_000 });
    expect(differences).toEqual([{ topic, setting: "retention.ms", wanted: "60000", found: "3600000" }]);
    await expect(bus.ensureTopics({ ...planFor(["copied"], 1), replication: 2 })).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringContaining("replication 2"),
    });
  });
});
