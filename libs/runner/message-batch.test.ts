import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createMessageBatch } from "./message-batch.ts";

function open() {
  const written: (readonly number[])[] = [];
  return { written, batch: createMessageBatch<number>((messages) => written.push(messages)) };
}

test("what is said in one turn, also a promise later, is one message in order", async () => {
  const { batch, written } = open();
  batch.add(1);
  await Promise.resolve();
  batch.add(2);
  expect(written).toEqual([]);
  await nextTurn();
  batch.add(3);
  await nextTurn();
  expect(written).toEqual([[1, 2], [3]]);
});

test("what nobody waits for goes along with the next message, or by itself soon after", async () => {
  const { batch, written } = open();
  batch.addLate(1);
  await nextTurn();
  expect(written).toEqual([]);
  batch.add(2);
  await nextTurn();
  expect(written).toEqual([[1, 2]]);
  batch.addLate(3);
  await expect.poll(() => written).toEqual([[1, 2], [3]]);
});

test("a flush writes at once, and nothing twice", async () => {
  const { batch, written } = open();
  batch.flush();
  batch.add(1);
  batch.flush();
  await nextTurn();
  expect(written).toEqual([[1]]);
});

test("what was cleared is never written, and what comes after it is", async () => {
  const { batch, written } = open();
  batch.add(1);
  batch.clear();
  batch.add(2);
  await nextTurn();
  expect(written).toEqual([[2]]);
});
