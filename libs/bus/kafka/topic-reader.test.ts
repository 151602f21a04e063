import kafkajs, { type Admin, type Message } from "kafkajs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { uniquePrefix } from "#testing/bus-harness.ts";
import { findFreePort } from "#testing/free-port.ts";
import { askForSharedKafka, skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { kafkaOptions, rawKafka, withProducer } from "./kafka-harness.testsuite.ts";
import { openTopicReader, type TopicReader } from "./topic-reader.ts";

const patience = { timeout: 30_000, interval: 50 };

describe.skipIf(skipsWithoutKafka())("a topic that is read without a group", { timeout: 60_000 }, () => {
  async function open(partitions = 1): Promise<{
    reader: TopicReader;
    admin: Admin;
    topic: string;
    send: (messages: Message[], compression?: kafkajs.CompressionTypes) => Promise<unknown>;
  }> {
    const brokers = await askForSharedKafka();
    const topic = `${uniquePrefix()}.read`;
    const admin = rawKafka(brokers).admin();
    await admin.connect();
    if (partitions > 0)
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions }] });
    // A broker knows of a new topic's leaders a moment later.
    if (partitions > 0) await vi.waitFor(() => admin.fetchTopicOffsets(topic), patience);
    const reader = openTopicReader(topic, kafkaOptions(brokers));
    onTestFinished(async () => {
      reader.close();
      await admin.disconnect();
    });
    const send = (messages: Message[], compression = kafkajs.CompressionTypes.None): Promise<unknown> =>
      withProducer(brokers, (producer) => producer.send({ topic, messages, compression }));
    return { reader, admin, topic, send };
  }

  const textsOf = async (reader: TopicReader, offset: number, partition = 0): Promise<readonly string[]> =>
    (await reader.read({ partition, offset })).messages.map(({ value }) => String(value));

  it("tells the range of each partition, and gives what lies in it", async () => {
    const { reader, send } = await open(2);
    await send([
      { partition: 1, key: "k", value: "a", headers: { h: ["1", "2"], g: "3" }, timestamp: "1700000000000" },
      { partition: 1, value: null },
    ]);
    expect(await reader.readRanges()).toEqual([
      { partition: 0, first: 0, end: 0 },
      { partition: 1, first: 0, end: 2 },
    ]);
    const { messages, next } = await reader.read({ partition: 1, offset: 0 });
    expect(next).toBe(2);
    expect(messages[0]).toMatchObject({ offset: 0, timestamp: 1_700_000_000_000, key: Buffer.from("k") });
    expect(messages[0]?.headers.map(([name, value]) => [name, String(value)])).toEqual([
      ["h", "1"],
      ["h", "2"],
      ["g", "3"],
    ]);
    expect(messages[1]).toMatchObject({ offset: 1, key: null, value: null, headers: [] });
    expect(await textsOf(reader, 1, 1)).toEqual(["null"]);
    expect(await reader.read({ partition: 1, offset: 2 })).toEqual({ messages: [], next: 2 });
  });

  it("leaves no group behind", async () => {
    const { reader, admin, send } = await open();
    await send([{ value: "a" }]);
    const before = (await admin.listGroups()).groups.length;
    await reader.readRanges();
    await reader.read({ partition: 0, offset: 0 });
    expect((await admin.listGroups()).groups).toHaveLength(before);
  });

  it("gives what was sent in a transaction once that is committed, and never what was given up", async () => {
    const { reader, topic, send } = await open();
    const producer = rawKafka(await askForSharedKafka()).producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    onTestFinished(() => producer.disconnect());
    const sendWithin = async (value: string) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value }] });
      return transaction;
    };
    const givenUp = await sendWithin("given up");
    await send([{ value: "plain" }]);
    expect(await reader.readRanges()).toEqual([{ partition: 0, first: 0, end: 0 }]);
    await givenUp.abort();
    await (await sendWithin("committed")).commit();
    await expect.poll(() => reader.readRanges()).toEqual([{ partition: 0, first: 0, end: 5 }]);
    const { messages, next } = await reader.read({ partition: 0, offset: 0 });
    expect([messages.map(({ value }) => String(value)), next]).toEqual([["plain", "committed"], 5]);
    expect(await reader.read({ partition: 0, offset: 4 })).toEqual({ messages: [], next: 5 });
  });

  it.each([
    ["gzip", kafkajs.CompressionTypes.GZIP],
    ["zstd", kafkajs.CompressionTypes.ZSTD],
  ])("unpacks %s, from the middle of a batch too", async (_name, compression) => {
    const { reader, send } = await open();
    await send([{ value: "a" }, { value: "b" }, { value: "c" }], compression);
    await reader.readRanges();
    expect(await textsOf(reader, 1)).toEqual(["b", "c"]);
  });

  it("names place and codec of messages that it can't unpack", async () => {
    const { reader, topic, send } = await open();
    const { Snappy } = kafkajs.CompressionTypes;
    const none = kafkajs.CompressionCodecs[Snappy];
    onTestFinished(() => void (kafkajs.CompressionCodecs[Snappy] = none));
    kafkajs.CompressionCodecs[Snappy] = () => ({ compress: ({ buffer }: { buffer: Buffer }) => asSnappy(buffer) });
    await send([{ value: "a" }], Snappy);
    kafkajs.CompressionCodecs[Snappy] = none;
    await reader.readRanges();
    await expect(reader.read({ partition: 0, offset: 0 })).rejects.toMatchObject({
      code: "BUS_UNAVAILABLE",
      message: `the messages at offset 0 of ${topic}[0] are packed with Snappy, which is not read here; have them sent uncompressed, or with gzip or zstd`,
    });
  });

  it("tells where a partition begins since its oldest messages went", async () => {
    const { reader, admin, topic, send } = await open();
    await send([{ value: "a" }, { value: "b" }, { value: "c" }]);
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
    expect(await reader.readRanges()).toEqual([{ partition: 0, first: 2, end: 3 }]);
  });

  it("says that a topic is not there, and does not make it", async () => {
    const { reader, admin, topic } = await open(0);
    expect(await reader.readRanges()).toBeNull();
    expect(await admin.listTopics()).not.toContain(topic);
  });

  it("names the brokers that do not answer", async () => {
    const broker = `127.0.0.1:${await findFreePort()}`;
    const reader = openTopicReader("none", kafkaOptions([broker]));
    onTestFinished(() => reader.close());
    await expect(reader.readRanges()).rejects.toMatchObject({
      code: "BUS_UNAVAILABLE",
      message: expect.stringContaining(`the brokers ${broker}: `),
    });
  });
});

/** Snappy's form of at most 127 bytes, which packs nothing: a length, and one literal. */
function asSnappy(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length, 60 << 2, bytes.length - 1]), bytes]);
}
