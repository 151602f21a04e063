import { describe, expect, it } from "vitest";
import type { Clock } from "#ports/clock.ts";
import type { OutgoingMessage } from "../message.ts";
import { TopicSender } from "./topic-sender.ts";

function messagesOf(keys: readonly string[], { bytes = 10, partition = 0 } = {}): OutgoingMessage[] {
  return keys.map((key) => ({ key, value: new Uint8Array(bytes), headers: {}, partition }));
}

/** A sender whose broker and clock are the test's. */
function createSender(answer: (keys: readonly string[], tryNumber: number) => Promise<ReadonlySet<number>>) {
  const timers = new Map<() => void, number>();
  let now = 0;
  const clock: Clock = {
    now: () => now,
    after: (delayMs, call) => {
      timers.set(call, now + delayMs);
      return { cancel: () => timers.delete(call) };
    },
    nextTurn: (call) => void setImmediate(call),
    afterCallbacks: (call) => process.nextTick(call),
    random: () => 0.5,
  };
  const sends: (readonly string[])[] = [];
  const sender = new TopicSender({
    topic: "t.tasks.q",
    send: (messages) => {
      const keys = messages.map(({ key }) => String(key));
      sends.push(keys);
      return answer(keys, sends.length);
    },
    deadlineMs: 1000,
    clock,
    onFailure: () => undefined,
  });
  const passTime = (ms: number): void => {
    now += ms;
    for (const [call, at] of [...timers]) if (at <= now && timers.delete(call)) call();
  };
  return { sender, sends, passTime, timers };
}

const stored = new Set<number>();

describe("a topic's sender", () => {
  it("sends what came during a send with the next one, in order", async () => {
    const first = Promise.withResolvers<ReadonlySet<number>>();
    const { sender, sends } = createSender((_, tryNumber) =>
      tryNumber === 1 ? first.promise : Promise.resolve(stored),
    );
    const published = ["a", "b", "c"].map((key) => sender.publish(messagesOf([key])));
    expect(sends).toEqual([["a"]]);
    first.resolve(stored);
    await Promise.all(published);
    expect(sends).toEqual([["a"], ["b", "c"]]);
  });

  it("repeats a send that failed, whole and before all that came later", async () => {
    const { sender, sends, passTime } = createSender(async (_, tryNumber) => {
      if (tryNumber === 1) throw new Error("connect ECONNREFUSED");
      return stored;
    });
    const first = sender.publish(messagesOf(["a", "b"]));
    await expect.poll(() => sends.length).toBe(1);
    const second = sender.publish(messagesOf(["c"]));
    await new Promise((resolve) => setImmediate(resolve));
    passTime(50);
    await Promise.all([first, second]);
    expect(sends).toEqual([
      ["a", "b"],
      ["a", "b", "c"],
    ]);
  });

  it("gives up at the deadline, with the last failure as the cause, and keeps no timer", async () => {
    const { sender, sends, passTime, timers } = createSender(() => Promise.reject(new Error("connect ECONNREFUSED")));
    const published = sender.publish(messagesOf(["a"])).catch((thrown: unknown) => thrown);
    await expect.poll(() => sends.length).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    passTime(1000);
    expect(await published).toMatchObject({
      code: "BUS_UNAVAILABLE",
      message: "topic t.tasks.q took no messages for 1000 ms: connect ECONNREFUSED",
    });
    await expect.poll(() => timers.size).toBe(0);
  });

  it("gives up at the deadline while a send hangs", async () => {
    const { sender, passTime } = createSender(() => new Promise(() => undefined));
    const published = sender.publish(messagesOf(["a"])).catch((thrown: unknown) => thrown);
    passTime(1000);
    expect(await published).toMatchObject({ code: "BUS_UNAVAILABLE", retryable: true });
  });

  it("keeps each send below the broker's limit of a batch", async () => {
    const { sender, sends } = createSender(async () => stored);
    await sender.publish(messagesOf(["a", "b", "c", "d"], { bytes: 300_000 }));
    expect(sends).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    await sender.publish(messagesOf(Array.from({ length: 4500 }, (_, index) => String(index))));
    expect(sends.slice(2).map((keys) => keys.length)).toEqual([2000, 2000, 500]);
  });

  it("fails only the publish whose partition does not exist", async () => {
    const { sender } = createSender(async () => new Set([9]));
    const bad = sender.publish(messagesOf(["a"], { partition: 9 }));
    const good = sender.publish(messagesOf(["b"]));
    await expect(bad).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(good).resolves.toBeUndefined();
  });

  it("refuses what waits when it is closed", async () => {
    const { sender } = createSender(() => new Promise(() => undefined));
    const published = sender.publish(messagesOf(["a"])).catch((thrown: unknown) => thrown);
    sender.close();
    expect(await published).toMatchObject({ code: "BUS_UNAVAILABLE", message: expect.stringContaining("closed") });
  });
});
