import fc from "fast-check";
import { type PartitionMetadata, Partitioners } from "kafkajs";
import { describe, expect, test } from "vitest";
import { createKeyPartitioner, hashKey } from "./key-partitioner.ts";

function partitionsOf(count: number, hasLeader: (partitionId: number) => boolean = () => true): PartitionMetadata[] {
  return Array.from({ length: count }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: hasLeader(partitionId) ? 1 : -1,
    replicas: [],
    isr: [],
  }));
}

describe("a key", () => {
  test("has the hash that Kafka's own client gives it", () => {
    // Of UtilsTest.testMurmur2 in Kafka, without the sign.
    const known: readonly (readonly [string, number])[] = [
      ["21", -973932308],
      ["foobar", -790332482],
      ["a-little-bit-long-string", -985981536],
      ["a-little-bit-longer-string", -1486304829],
      ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
      ["abc", 479470107],
    ];
    expect(known.map(([key]) => hashKey(Buffer.from(key)))).toEqual(known.map(([, hash]) => hash & 0x7fffffff));
  });

  test("goes where kafkajs's partitioner sends it, as text and as bytes, whatever came before", () => {
    const [ours, theirs] = [createKeyPartitioner(), Partitioners.DefaultPartitioner()];
    const key = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 4 }), fc.integer({ min: 1, max: 200 }), (keys, count) => {
        const partitionMetadata = partitionsOf(count);
        for (const each of [...keys, ...keys]) {
          const given = { topic: "t", partitionMetadata, message: { key: each, value: null } };
          expect(ours(given)).toBe(theirs(given));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a message", () => {
  test("goes to the partition that it names, also the first, whatever its key", () => {
    const place = createKeyPartitioner();
    const partitionMetadata = partitionsOf(8);
    const places = [0, 7].map((partition) =>
      place({ topic: "t", partitionMetadata, message: { key: "k", value: null, partition } }),
    );
    expect(places).toEqual([0, 7]);
  });

  test("without a key goes to partitions with a leader in turn, and to any where none has one", () => {
    const place = createKeyPartitioner();
    const message = { key: null, value: null };
    const some = partitionsOf(4, (partitionId) => partitionId % 2 === 1);
    const places = Array.from({ length: 4 }, () => place({ topic: "t", partitionMetadata: some, message }));
    expect(new Set(places)).toEqual(new Set([1, 3]));
    expect(places[0]).toBe(places[2]);
    expect(place({ topic: "t", partitionMetadata: partitionsOf(1, () => false), message })).toBe(0);
  });
});
