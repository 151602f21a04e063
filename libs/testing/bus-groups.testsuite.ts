import { expect, it } from "vitest";
import { type OpenBusHarness, openBusForTest, planFor } from "./bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, expectOwned, ticketsFor } from "./ticket-collector.ts";

/** How the consumers of a queue share it. */
export function describeGroups(open: OpenBusHarness): void {
  it("shares the partitions among consumers and tells each its own", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    const first = collectTickets(bus, [queue]);
    await expectOwned(first, queue, 4);
    const second = collectTickets(await openAnother(), [queue]);
    await expectOwned(second, queue, 2);
    await expectOwned(first, queue, 2);
    expect(new Set([...first.ownedOf(queue), ...second.ownedOf(queue)])).toEqual(new Set([0, 1, 2, 3]));
    await first.consumer.close();
    await expectOwned(second, queue, 4);
  });

  it("gives a ticket to the consumer that owns its partition, and to no other", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    const first = collectTickets(bus, [queue]);
    const second = collectTickets(await openAnother(), [queue]);
    await expectOwned(second, queue, 2);
    await expectOwned(first, queue, 2);
    await bus.publishTickets(ticketsFor(queue, first.ownedOf(queue), 10, "first"));
    await bus.publishTickets(ticketsFor(queue, second.ownedOf(queue), 10, "second"));
    await expectTasks(
      first,
      Array.from({ length: 10 }, (_, index) => `first${index}`),
    );
    await expectTasks(
      second,
      Array.from({ length: 10 }, (_, index) => `second${index}`),
    );
  });

  it("lets members with other queues share the one that they have in common", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    await bus.ensureTopics(planFor(["gpu"], 2));
    const both = collectTickets(bus, [queue, "gpu"]);
    const one = collectTickets(await openAnother(), [queue]);
    await expectOwned(one, queue, 2);
    await expectOwned(both, queue, 2);
    await expectOwned(both, "gpu", 2);
    expect(one.ownedOf("gpu")).toEqual([]);
  });

  it("moves tickets in hand with their partitions, and repeats none of those that stay", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    const first = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 8));
    await expect.poll(() => first.deliveries.length, brokerLimit).toBe(8);
    const second = collectTickets(await openAnother(), [queue]);
    await expectOwned(second, queue, 2);
    await expectOwned(first, queue, 2);
    const moved = first.deliveries.filter(({ partition }) => second.ownedOf(queue).includes(partition));
    await expectTasks(
      second,
      moved.map(({ ticket }) => ticket.taskId),
    );
    // A ticket behind those in hand of a partition that stayed: by then they would have come again.
    const kept = first.ownedOf(queue);
    await bus.publishTickets(ticketsFor(queue, kept, 2, "later"));
    await expect.poll(() => first.deliveries.length, brokerLimit).toBe(10);
    expect(new Set(first.taskIds()).size).toBe(10);
  });

  it("lets a consumer finish what it has in hand of partitions that stay, and nothing of those that moved", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    const first = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 4));
    await expect.poll(() => first.deliveries.length, brokerLimit).toBe(4);
    const second = collectTickets(await openAnother(), [queue]);
    await expectOwned(second, queue, 2);
    await expectOwned(first, queue, 2);
    const moved = first.deliveries.filter(({ partition }) => second.ownedOf(queue).includes(partition));
    await expectTasks(
      second,
      moved.map(({ ticket }) => ticket.taskId),
    );
    for (const { done } of first.deliveries) done();
    await first.consumer.close();
    await second.consumer.close();
    const third = collectTickets(bus, [queue]);
    await expectTasks(
      third,
      moved.map(({ ticket }) => ticket.taskId),
    );
  });

  it("loses nothing while consumers come and go", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open);
    const seen = new Set<string>();
    const collect = async (): Promise<ReturnType<typeof collectTickets>> =>
      collectTickets(await openAnother(), [queue], {
        onTicket: ({ ticket, done }) => {
          seen.add(ticket.taskId);
          setImmediate(done);
        },
      });
    const steady = await collect();
    for (let round = 0; round < 3; round += 1) {
      await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 100, `a${round}-`));
      const guest = await collect();
      await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 100, `b${round}-`));
      await expectOwned(guest, queue, 2);
      await guest.consumer.close();
    }
    await expect.poll(() => seen.size, brokerLimit).toBe(600);
    await steady.consumer.close();
  });

  it("waits for a topic that is created later", async () => {
    const { bus } = await openBusForTest(open);
    const early = collectTickets(bus, ["late"]);
    await bus.ensureTopics(planFor(["late"], 2));
    await bus.publishTickets(ticketsFor("late", [0, 1], 2));
    await expectTasks(early, ["t0", "t1"]);
  });
}
