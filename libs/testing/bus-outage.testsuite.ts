import { expect, it } from "vitest";
import { openBusForTest, type OutageHarness } from "./bus-harness.ts";
import { brokerLimit, collectTickets, expectOwned, ticketsFor } from "./ticket-collector.ts";

const recoveryLimit = { timeout: 60_000, interval: 50 };

/** What every bus does when its broker goes away and comes back (G15). */
export function describeBusOutage(open: () => Promise<OutageHarness>): void {
  it("refuses to publish with an error worth a retry, and says in its state since when and why", async () => {
    const { bus, queue, takeAway, bringBack } = await openBusForTest(open);
    const states: string[] = [];
    bus.onState(({ kind }) => states.push(kind));
    await expect.poll(() => bus.state.kind, brokerLimit).toBe("connected");
    await takeAway();
    await expect(bus.publishTickets(ticketsFor(queue, [0], 1))).rejects.toMatchObject({
      code: "BUS_UNAVAILABLE",
      retryable: true,
    });
    await expect.poll(() => bus.state, recoveryLimit).toMatchObject({ kind: "down", cause: expect.any(String) });
    await bringBack();
    await expect.poll(() => bus.state.kind, recoveryLimit).toBe("connected");
    expect(states.filter((kind, index) => kind !== states[index - 1])).toEqual(
      states[0] === "connected" ? ["connected", "down", "connected"] : ["down", "connected"],
    );
    await bus.publishTickets(ticketsFor(queue, [0], 1));
  });

  it("delivers again, after the broker is back, what was published and not done before", async () => {
    const { bus, queue, takeAway, bringBack } = await openBusForTest(open);
    const collector = collectTickets(bus, [queue]);
    await bus.publishTickets(ticketsFor(queue, [0, 1, 2, 3], 8));
    await expect.poll(() => collector.deliveries.length, brokerLimit).toBe(8);
    await takeAway();
    await expectOwned(collector, queue, 0);
    await bringBack();
    await expect.poll(() => collector.ownedOf(queue).length, recoveryLimit).toBe(4);
    const deliveredOnce = (): readonly string[] => {
      const times = Map.groupBy(collector.taskIds(), (id) => id);
      return [...times].filter(([, ids]) => ids.length < 2).map(([id]) => id);
    };
    await expect.poll(deliveredOnce, recoveryLimit).toEqual([]);
    collector.done(...collector.taskIds());
    await bus.publishTickets(ticketsFor(queue, [0, 1], 2, "later"));
    await expect.poll(() => new Set(collector.taskIds()).size, recoveryLimit).toBe(10);
  });

  it("closes within a second while the broker is away", async () => {
    const { openAnother, queue, takeAway } = await openBusForTest(open);
    const other = await openAnother();
    const collector = collectTickets(other, [queue]);
    await expectOwned(collector, queue, 4);
    await takeAway();
    const startedAt = performance.now();
    await other.close();
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
}
