import { expect, it } from "vitest";
import type { Bus } from "#ports/bus.ts";
import { type OpenBusHarness, openBusForTest } from "./bus-harness.ts";
import { brokerLimit, collectTickets, expectTasks, expectOwned, ticketsFor } from "./ticket-collector.ts";

/** When offsets pass, and what comes again. */
export function describeOffsets(open: OpenBusHarness): void {
  it("gives tickets that were not done to the next consumer", async () => {
    const { bus, queue } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [0], 3));
    const first = collectTickets(bus, [queue]);
    await expectTasks(first, ["t0", "t1", "t2"]);
    await first.consumer.close();
    await expectTasks(collectTickets(bus, [queue]), ["t0", "t1", "t2"]);
  });

  it("gives tickets that were done to nobody again", async () => {
    const { bus, queue } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [0], 3));
    const first = collectTickets(bus, [queue]);
    await expectTasks(first, ["t0", "t1", "t2"]);
    first.done("t0", "t1", "t2");
    await first.consumer.close();
    expect(await readFromNext(bus, queue)).toEqual(["marker0"]);
  });

  it("holds what is done behind a ticket in hand", async () => {
    const { bus, queue } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [0], 5));
    const first = collectTickets(bus, [queue]);
    await expect.poll(() => first.deliveries.length, brokerLimit).toBe(5);
    first.done("t0", "t1", "t3", "t4");
    await first.consumer.close();
    expect(await readFromNext(bus, queue)).toEqual(["t2", "t3", "t4", "marker0"]);
  });

  it("passes all when the first is done last", async () => {
    const { bus, queue } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [0], 4));
    const first = collectTickets(bus, [queue]);
    await expect.poll(() => first.deliveries.length, brokerLimit).toBe(4);
    for (const task of ["t3", "t2", "t1", "t0"]) first.done(task);
    await first.consumer.close();
    expect(await readFromNext(bus, queue)).toEqual(["marker0"]);
  });

  it("commits while it goes on, not only at its end", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open, 1);
    const first = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0], 4));
    await expectTasks(first, ["t0", "t1", "t2", "t3"]);
    first.done("t0", "t1");
    // The group is formed anew, twice: whoever gets the partition begins at what is committed by then.
    const second = collectTickets(await openAnother(), [queue]);
    await expect.poll(() => first.ownedOf(queue).length + second.ownedOf(queue).length, brokerLimit).toBe(1);
    await first.consumer.close();
    await expectOwned(second, queue, 1);
    await expectTasks(second, ["t2", "t3"]);
  });

  it("takes a second done, and one after the end, for nothing", async () => {
    const { bus, queue } = await openBusForTest(open);
    await bus.publishTickets(ticketsFor(queue, [0], 2));
    const first = collectTickets(bus, [queue]);
    await expectTasks(first, ["t0", "t1"]);
    first.done("t0");
    first.done("t0");
    await first.consumer.close();
    first.done("t1");
    expect(await readFromNext(bus, queue)).toEqual(["t1", "marker0"]);
  });

  it("goes on after a handler that throws", async () => {
    const { bus, queue } = await openBusForTest(open);
    const first = collectTickets(bus, [queue], {
      onTicket: ({ ticket, done }) => {
        if (ticket.taskId === "t1") throw new Error("a bug in the handler");
        done();
      },
    });
    await bus.publishTickets(ticketsFor(queue, [0], 3));
    await expectTasks(first, ["t0", "t1", "t2"]);
    await first.consumer.close();
    expect(await readFromNext(bus, queue)).toEqual(["marker0"]);
  });

  it("delivers nothing while it is paused, and all of it afterwards", async () => {
    const { bus, queue } = await openBusForTest(open);
    const collector = collectTickets(bus, [queue], {
      onTicket: ({ ticket }) => {
        if (ticket.taskId === "t2") collector.consumer.pause();
      },
    });
    await bus.publishTickets(ticketsFor(queue, [0], 6));
    await expectTasks(collector, ["t0", "t1", "t2"]);
    // What another consumer of the same turn of the broker sees shows that time has passed here too.
    await bus.publishTickets(ticketsFor(queue, [1], 1, "other"));
    collector.done("t0", "t1");
    expect(collector.taskIds()).toEqual(["t0", "t1", "t2"]);
    collector.consumer.resume();
    await expectTasks(collector, ["t0", "t1", "t2", "t3", "t4", "t5", "other0"]);
    expect(collector.taskIds().filter((id) => id !== "other0")).toEqual(["t0", "t1", "t2", "t3", "t4", "t5"]);
  });

  it("keeps its partitions while it is paused", async () => {
    const { bus, queue, openAnother } = await openBusForTest(open, 2);
    const paused = collectTickets(bus, [queue]);
    await expectOwned(paused, queue, 2);
    paused.consumer.pause();
    const other = collectTickets(await openAnother(), [queue]);
    await expectOwned(other, queue, 1);
    await expectOwned(paused, queue, 1);
    const own = paused.ownedOf(queue);
    await bus.publishTickets([...ticketsFor(queue, own, 1, "own"), ...ticketsFor(queue, other.ownedOf(queue), 1)]);
    await expectTasks(other, ["t0"]);
    expect(paused.taskIds()).toEqual([]);
    paused.consumer.resume();
    await expectTasks(paused, ["own0"]);
  });

  it("holds no more than its limit in hand, and goes on when there is room", async () => {
    const { bus, queue } = await openBusForTest(open, 1);
    const collector = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0], 1500));
    await expect.poll(() => collector.deliveries.length, brokerLimit).toBe(1000);
    for (const { done } of collector.deliveries) done();
    await expect.poll(() => collector.deliveries.length, brokerLimit).toBe(1500);
    expect(new Set(collector.taskIds()).size).toBe(1500);
  });
}

/** What a consumer that comes next finds in partition 0, up to a ticket published now. */
async function readFromNext(bus: Bus, queue: string): Promise<readonly string[]> {
  const next = collectTickets(bus, [queue]);
  await bus.publishTickets(ticketsFor(queue, [0], 1, "marker"));
  await expect.poll(() => next.taskIds().includes("marker0"), brokerLimit).toBe(true);
  return next.taskIds();
}
