import { describe, expect, it } from "vitest";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { hello, registerWorker } from "./worker-builder.ts";

const lostWithin = { timeout: 5000, interval: 5 };

/** What every worker store does. */
export function describeWorkers(open: OpenHarness): void {
  it("gives each session of an incarnation the next number, on one row", async () => {
    const { store } = await openForTest(open);
    const first = await registerWorker(store, hello("w"));
    const second = await registerWorker(store, hello("w"));
    expect(second).toMatchObject({ workerKey: first.workerKey, sessionNumber: first.sessionNumber + 1 });
  });

  it("refuses a second worker with a living one's id, also when both come at once", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const results = await Promise.all([
      store.workers.register(hello("w", { incarnation: "one" })),
      other.workers.register(hello("w", { incarnation: "two" })),
    ]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(["refused", "registered"]);
    expect(await store.workers.register(hello("w", { incarnation: "three" }))).toEqual({
      kind: "refused",
      reason: "id_in_use",
    });
  });

  it("marks the predecessor lost when the new incarnation names it", async () => {
    const { store } = await openForTest(open);
    const first = await registerWorker(store, hello("w", { incarnation: "one" }));
    const second = await registerWorker(store, hello("w", { incarnation: "two", previousIncarnation: "one" }));
    expect(second.workerKey).not.toBe(first.workerKey);
    expect(await store.workers.beat([{ ...first, leaseMs: 1000, freeSlots: 1 }])).toEqual([]);
    expect(await store.workers.register(hello("w", { incarnation: "one" }))).toEqual({
      kind: "refused",
      reason: "incarnation_lost",
    });
  });

  it("lets a new incarnation in when the lease of the old one is over", async () => {
    const { store } = await openForTest(open);
    await registerWorker(store, hello("w", { incarnation: "one", leaseMs: 1 }));
    await expect
      .poll(async () => (await store.workers.register(hello("w", { incarnation: "two" }))).kind, lostWithin)
      .toBe("registered");
  });

  it("renews leases of present sessions alone, and answers which", async () => {
    const { store } = await openForTest(open);
    const a = await registerWorker(store, hello("a"));
    const b = await registerWorker(store, hello("b"));
    const newer = await registerWorker(store, hello("b"));
    const beat = { leaseMs: 60_000, freeSlots: 2 };
    expect(
      await store.workers.beat([
        { ...a, ...beat },
        { ...b, ...beat },
      ]),
    ).toEqual([a.workerKey]);
    expect(await store.workers.beat([{ ...newer, ...beat }])).toEqual([b.workerKey]);
    expect(await store.workers.beat([])).toEqual([]);
    expect(await store.queries.listWorkers()).toMatchObject([
      { workerId: "a", status: "healthy", slots: 4, freeSlots: 2 },
      { workerId: "b", status: "healthy", slots: 4, freeSlots: 2 },
    ]);
  });

  it("marks a worker lost once its lease and the margin are over; then its beats are refused", async () => {
    const { store } = await openForTest(open);
    const short = await registerWorker(store, hello("short", { leaseMs: 1 }));
    await registerWorker(store, hello("long"));
    expect(await store.workers.markLost(60_000)).toEqual([]);
    await expect
      .poll(() => store.workers.markLost(0), lostWithin)
      .toEqual([{ workerKey: short.workerKey, workerId: "short" }]);
    expect(await store.workers.markLost(0)).toEqual([]);
    expect(await store.workers.beat([{ ...short, leaseMs: 60_000, freeSlots: 4 }])).toEqual([]);
    expect(await store.queries.listWorkers()).toMatchObject([
      { workerId: "long", status: "healthy" },
      { workerId: "short", status: "lost" },
    ]);
  });

  it("signs off the present session alone; its incarnation does not come back", async () => {
    const { store } = await openForTest(open);
    const old = await registerWorker(store, hello("w"));
    const present = await registerWorker(store, hello("w"));
    await store.workers.signOff(old.workerKey, old.sessionNumber);
    expect(await store.queries.listWorkers()).toHaveLength(1);
    await store.workers.signOff(present.workerKey, present.sessionNumber);
    expect(await store.queries.listWorkers()).toEqual([]);
    expect(await store.workers.register(hello("w"))).toEqual({ kind: "refused", reason: "incarnation_lost" });
    expect((await registerWorker(store, hello("w", { incarnation: "next" }))).sessionNumber).toBe(1);
  });

  describe("events", () => {
    it("tell who came and who went", async () => {
      const { store } = await openForTest(open);
      const worker = await registerWorker(store, hello("w"));
      await store.workers.signOff(worker.workerKey, worker.sessionNumber);
      const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
      await store.events.publish(lease?.epoch ?? 0, 100);
      const events = await store.events.readAfter({ afterId: 0, limit: 100, filter: { resourceType: "worker" } });
      expect(events.map(({ eventType, resourceId }) => [eventType, resourceId])).toEqual([
        ["worker.connected", "w"],
        ["worker.disconnected", "w"],
      ]);
    });
  });
}
