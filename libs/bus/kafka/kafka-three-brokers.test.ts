import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBusForTest, planFor } from "#testing/bus-harness.ts";
import { collectTickets, ticketsFor } from "#testing/ticket-collector.ts";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { createKafkaHarness } from "./kafka-harness.testsuite.ts";

const recoveryLimit = { timeout: 60_000, interval: 50 };

describe.skipIf(skipsWithoutKafka())("the Kafka bus over three brokers", { timeout: 180_000 }, () => {
  let kafka: LocalKafka | null = null;
  beforeAll(async () => {
    kafka = await startLocalKafka({ nodes: 3 });
  }, 180_000);
  afterAll(() => kafka?.close());

  it("fails no publish and loses none while each broker in turn is killed", async () => {
    const harness = await openBusForTest(async () => createKafkaHarness(kafka?.brokers ?? []));
    const { bus } = harness;
    const queue = "copied";
    await bus.ensureTopics({ ...planFor([queue], 6), replication: 3 });
    const collector = collectTickets(bus, [queue], { onTicket: ({ done }) => setImmediate(done) });
    let published = 0;
    for (const node of kafka?.nodes ?? []) {
      const restart = node.kill().then(() => node.start());
      for (let round = 0; round < 20; round += 1) {
        await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3, 4, 5], 6, `n${published}-`));
        published += 6;
      }
      await restart;
      await kafka?.ready();
    }
    await expect.poll(() => new Set(collector.taskIds()).size, recoveryLimit).toBe(published);
  });
});
