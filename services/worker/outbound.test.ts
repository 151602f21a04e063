import { expect, test } from "vitest";
import { createOutbound } from "./outbound.ts";

async function take(iterator: AsyncIterator<string>, count: number): Promise<readonly unknown[]> {
  const taken: unknown[] = [];
  for (let index = 0; index < count; index += 1) taken.push((await iterator.next()).value);
  return taken;
}

test("what is urgent goes ahead of everything that waits in bulk, each in order", async () => {
  const outbound = createOutbound<string>();
  outbound.sendBulk("a", "chunk 1");
  outbound.sendBulk("a", "chunk 2");
  const iterator = outbound[Symbol.asyncIterator]();

  expect(await take(iterator, 1)).toEqual(["chunk 1"]);
  outbound.send("beat 1");
  outbound.send("beat 2");
  outbound.sendBulk("a", "outcome");

  expect(await take(iterator, 4)).toEqual(["beat 1", "beat 2", "chunk 2", "outcome"]);
});

test("it is known whether something of an attempt still waits in bulk", async () => {
  const outbound = createOutbound<string>();
  outbound.sendBulk("a", "1");
  outbound.sendBulk("a", "2");
  const iterator = outbound[Symbol.asyncIterator]();

  await take(iterator, 1);
  expect([outbound.hasBulk("a"), outbound.hasBulk("b")]).toEqual([true, false]);
  await take(iterator, 1);
  expect(outbound.hasBulk("a")).toBe(false);
});

test("a reader that waits is woken, and the end comes after what was sent", async () => {
  const outbound = createOutbound<string>();
  const all: string[] = [];
  const reading = (async () => {
    for await (const message of outbound) all.push(message);
  })();

  outbound.send("first");
  await Promise.resolve();
  outbound.sendBulk("a", "last");
  outbound.end();
  await reading;

  expect(all).toEqual(["first", "last"]);
});
