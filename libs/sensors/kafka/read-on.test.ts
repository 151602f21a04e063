import { expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { basis } from "../look-harness.testsuite.ts";
import { readOn, type TopicReading } from "./read-on.ts";

const sensor = { ...basis, type: "kafka", connection: null, topic: "orders", match: null } as const;
const look = {
  state: new Map([0, 1].map((partition) => [String(partition), 0])),
  now: 0,
  signal: AbortSignal.timeout(60_000),
};
const places = [0, 1].map((partition) => ({ partition, offset: 0, end: 1 }));

/** A topic of which these partitions can't be read. */
function readerWithout(...broken: readonly number[]): TopicReading["reader"] {
  return {
    async read({ partition, offset }) {
      if (broken.includes(partition)) throw new AppError("BUS_UNAVAILABLE", "no codec for LZ4");
      const message = { offset, timestamp: 0, key: null, value: Buffer.from("1"), headers: [] };
      return { messages: [message], next: offset + 1 };
    },
  };
}

test("a partition that can't be read holds up itself alone, and is named", async () => {
  const found = await readOn(sensor, look, { reader: readerWithout(0), places, lost: [] });
  expect(found.firings).toHaveLength(1);
  expect(found.patch?.put).toEqual(new Map([["1", 1]]));
  expect(found.problem).toBe("partition 0: no codec for LZ4");
});

test("where nothing can be read the look fails", async () => {
  await expect(readOn(sensor, look, { reader: readerWithout(0, 1), places, lost: [] })).rejects.toThrow("no codec");
});
