import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeBusOutage } from "#testing/bus-outage.testsuite.ts";
import { openBusForTest, planFor } from "#testing/bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, ticketsFor } from "#testing/ticket-collector.ts";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { createKafkaHarness, testTiming } from "./kafka-harness.testsuite.ts";

const recoveryLimit = { timeout: 60_000, interval: 50 };
/** The end of a session is what most of these tests wait for. */
const timing = { ...testTiming, sessionTimeoutMs: 2000 };
/** Where a publish is to be refused. */
const impatient = { timing: { ...timing, publishDeadlineMs: 2000 } };

describe.skipIf(skipsWithoutKafka())("the Kafka bus over a broker of its own", { timeout: 120_000 }, () => {
  let kafka: LocalKafka | null = null;
  beforeAll(async () => {
    kafka = await startLocalKafka();
  });
  afterAll(() => kafka?.close());

  /** The broker runs when a test begins, whatever the one before left. */
  async function open(change: Parameters<typeof createKafkaHarness>[1] = { timing }) {
    const node = kafka?.nodes[0];
    if (kafka === null || node === undefined) throw new Error("no broker");
    const owned = kafka;
    node.thaw();
    if (!node.isRunning) await node.start();
    await kafka.ready();
    return { ...createKafkaHarness(kafka.brokers, change), node, ready: () => owned.ready() };
  }

  describe("that is killed", () => {
    describeBusOutage(async () => {
      const harness = await open(impatient);
      const bringBack = async (): Promise<void> => {
        await harness.node.start();
        await harness.ready();
      };
      return { ...harness, takeAway: () => harness.node.kill(), bringBack };
    });
  });

  describe("that is frozen", () => {
    describeBusOutage(async () => {
      const harness = await open(impatient);
      const takeAway = async (): Promise<void> => harness.node.freeze();
      return { ...harness, takeAway, bringBack: async () => harness.node.thaw() };
    });
  });

  it("fails no publish over a restart under load, and loses none", async () => {
    const { bus, queue, node } = await openBusForTest(() => open());
    const collector = collectTickets(bus, [queue], { onTicket: ({ done }) => setImmediate(done) });
    await bus.publishTickets(ticketsFor(queue, [0], 1, "first"));
    await expectTasks(collector, ["first0"]);
    const restart = node.kill().then(() => node.start());
    const rounds = 60;
    for (let round = 0; round < rounds; round += 1) {
      await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 20, `r${round}-`));
    }
    await restart;
    await expect.poll(() => new Set(collector.taskIds()).size, recoveryLimit).toBe(rounds * 20 + 1);
  });

  it("refuses at once what is more than may wait, while the broker is away", async () => {
    const { bus, queue, node } = await openBusForTest(() => open(impatient));
    await node.kill();
    const first = bus.publishTickets(ticketsFor(queue, [0], 50_000));
    const refusal = first.catch((thrown: unknown) => thrown);
    await expect(bus.publishTickets(ticketsFor(queue, [0], 1))).rejects.toMatchObject({
      code: "BUS_UNAVAILABLE",
      message: expect.stringContaining("50000 messages wait"),
    });
    expect(await refusal).toMatchObject({ code: "BUS_UNAVAILABLE" });
  });

  it("opens while the broker is away, and joins and publishes when it comes", async () => {
    const { openAnother, queue, node, bus } = await openBusForTest(() => open());
    await node.kill();
    const late = await openAnother();
    expect(late.state.kind).toBe("connecting");
    await expect.poll(() => late.state.kind, brokerLimit).toBe("down");
    const collector = collectTickets(late, [queue]);
    await expect(late.ensureTopics(planFor([queue], 1))).rejects.toMatchObject({ code: "BUS_UNAVAILABLE" });
    const published = late.publishTickets(ticketsFor(queue, [0], 1));
    await node.start();
    await published;
    await expect.poll(() => collector.taskIds(), recoveryLimit).toEqual(["t0"]);
    await expect.poll(() => bus.state.kind, recoveryLimit).toBe("connected");
  });
});
