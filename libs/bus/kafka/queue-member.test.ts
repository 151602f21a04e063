import { expect, it } from "vitest";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { createJoinBreaker } from "./join-breaker.ts";
import { kafkaOptions } from "./kafka-harness.testsuite.ts";
import { QueueMember } from "./queue-member.ts";

const breaker = {
  ...defaultPolicies.kafka,
  opens: { failureRatio: 0.5, calls: 1 },
  openMs: 1,
  longestOpenMs: 1,
};

it("begins no session when it is closed while the breaker holds its call until another has been tried", async () => {
  const options = kafkaOptions(["127.0.0.1:1"], { breaker });
  const joining = createJoinBreaker(options);
  await expect(joining.run(() => Promise.reject(new Error("no broker")))).rejects.toThrow("no broker");
  expect(joining.status.state).toBe("open");
  joining.tryNow();
  const other = Promise.withResolvers<void>();
  const tried = joining.run(() => other.promise);
  expect(joining.status.state).toBe("half_open");
  const timers: number[] = [];
  // A session watches itself for a stall from its first moment on.
  const clock = {
    ...options.clock,
    after: (delayMs: number, call: () => void) => {
      timers.push(delayMs);
      return options.clock.after(delayMs, call);
    },
  };
  const subscription = { queues: ["q"], onTicket: () => {}, onPartitions: () => {}, onPoison: async () => {} };
  const member = new QueueMember(
    {
      ...{ queue: "q", topic: "q", groupId: "q", subscription },
      ...{ kafka: { ...options, clock }, isPaused: () => false, onOwnedChanged: () => {} },
    },
    { joining, onTrouble: () => {} },
  );
  await member.close(Promise.resolve());
  other.resolve();
  await tried;
  // Behind the held call in the queue of the breaker.
  await joining.run(async () => undefined);
  expect(timers).toEqual([]);
});
