import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { openBusForTest } from "#testing/bus-harness.ts";
import { collectTickets, ticketsFor } from "#testing/ticket-collector.ts";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { createKafkaHarness, testTiming } from "./kafka-harness.testsuite.ts";

const recoveryLimit = { timeout: 60_000, interval: 50 };
const hourMs = 3_600_000;
/** Whoever waited for the breaker's own time would wait for an hour. */
const breaker = {
  ...defaultPolicies.kafka,
  opens: { failureRatio: 0.5, calls: 4 },
  halfOpen: { ...defaultPolicies.kafka.halfOpen, calls: 2 },
  openMs: hourMs,
  longestOpenMs: hourMs,
};
const timing = { ...testTiming, publishDeadlineMs: 1000 };

describe.skipIf(skipsWithoutKafka())("a bus whose broker is stopped", { timeout: 120_000 }, () => {
  let kafka: LocalKafka | null = null;
  beforeAll(async () => {
    kafka = await startLocalKafka();
  });
  afterAll(() => kafka?.close());

  it("refuses publishes at once after some have failed, and takes them as soon as the broker answers (G15)", async () => {
    const node = kafka?.nodes[0];
    if (kafka === null || node === undefined) throw new Error("no broker");
    const { brokers } = kafka;
    const { bus, queue } = await openBusForTest(async () => createKafkaHarness(brokers, { timing, breaker }));
    const collector = collectTickets(bus, [queue], { onTicket: ({ done }) => done() });
    const publish = (name: string): Promise<void> => bus.publishTickets(ticketsFor(queue, [0], 1, name));
    const state = (): unknown => bus.breakers[0]?.state;
    await publish("before");
    await node.kill();
    const failed = await Promise.allSettled(["a", "b", "c", "d"].map(publish));
    expect(failed.every(({ status }) => status === "rejected")).toBe(true);
    expect(state()).toBe("open");
    await expect(publish("refused")).rejects.toMatchObject({
      code: "BUS_UNAVAILABLE",
      message: expect.stringContaining("nothing is published until Kafka answers again"),
    });
    await node.start();
    await expect
      .poll(async () => {
        await publish("after").catch(() => undefined);
        return state();
      }, recoveryLimit)
      .toBe("closed");
    await expect.poll(() => collector.taskIds(), recoveryLimit).toContain("after0");
    expect(collector.taskIds()).not.toContain("refused0");
  });

  it("has its consumers join no group after some could not, and join as soon as the broker answers (G15)", async () => {
    const node = kafka?.nodes[0];
    if (kafka === null || node === undefined) throw new Error("no broker");
    const { brokers } = kafka;
    await kafka.ready();
    const { bus, queue } = await openBusForTest(async () => createKafkaHarness(brokers, { timing, breaker }));
    const collector = collectTickets(bus, [queue], { onTicket: ({ done }) => done() });
    const state = (): unknown => bus.breakers.find(({ name }) => name === "kafka consume")?.state;
    await bus.publishTickets(ticketsFor(queue, [0], 1, "before"));
    await expect.poll(() => collector.taskIds(), recoveryLimit).toContain("before0");
    expect(state()).toBe("closed");
    await node.kill();
    await expect.poll(state, recoveryLimit).toBe("open");
    await node.start();
    await expect.poll(state, recoveryLimit).toBe("closed");
    await kafka.ready();
    await expect
      .poll(
        () =>
          bus.publishTickets(ticketsFor(queue, [0], 1, "after")).then(
            () => "published",
            () => "refused",
          ),
        recoveryLimit,
      )
      .toBe("published");
    await expect.poll(() => collector.taskIds(), recoveryLimit).toContain("after0");
  });

  it("holds up no topic because another one is missing", async () => {
    if (kafka === null) throw new Error("no broker");
    const { brokers } = kafka;
    await kafka.ready();
    const { bus, queue } = await openBusForTest(async () => createKafkaHarness(brokers, { timing, breaker }));
    const missing = ["a", "b", "c", "d", "e"].map((name) => bus.publishTickets(ticketsFor("nowhere", [0], 1, name)));
    expect((await Promise.allSettled(missing)).every(({ status }) => status === "rejected")).toBe(true);
    expect(bus.breakers[0]?.state).toBe("closed");
    await bus.publishTickets(ticketsFor(queue, [0], 1));
  });
});
