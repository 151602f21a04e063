import { expect, it } from "vitest";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const freeWithin = { timeout: 20_000, interval: 5 };

/** What every lease store does. */
export function describeLeases(open: OpenHarness): void {
  const long = 60_000;

  it("has one holder at a time, by name", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const [mine, theirs] = await Promise.all([
      store.leases.acquire({ name: "scheduler", holder: "one", ttlMs: long }),
      other.leases.acquire({ name: "scheduler", holder: "two", ttlMs: long }),
    ]);
    expect([mine, theirs].filter((lease) => lease !== null)).toHaveLength(1);
    expect(await store.leases.acquire({ name: "relay", holder: "two", ttlMs: long })).not.toBeNull();
  });

  it("keeps its epoch when the holder renews it", async () => {
    const { store } = await openForTest(open);
    const first = await store.leases.acquire({ name: "relay", holder: "one", ttlMs: long });
    expect(await store.leases.acquire({ name: "relay", holder: "one", ttlMs: long })).toEqual(first);
  });

  it("raises its epoch when another holder takes it, after its end", async () => {
    const { store } = await openForTest(open);
    const first = await store.leases.acquire({ name: "relay", holder: "one", ttlMs: 1 });
    await expect
      .poll(() => store.leases.acquire({ name: "relay", holder: "two", ttlMs: long }), freeWithin)
      .toEqual({ epoch: (first?.epoch ?? 0) + 1 });
    expect(await store.leases.acquire({ name: "relay", holder: "one", ttlMs: long })).toBeNull();
  });

  it("is free at once when its holder gives it back, and nobody else can", async () => {
    const { store } = await openForTest(open);
    const first = await store.leases.acquire({ name: "relay", holder: "one", ttlMs: long });
    await store.leases.release({ name: "relay", holder: "two" });
    expect(await store.leases.acquire({ name: "relay", holder: "two", ttlMs: long })).toBeNull();
    await store.leases.release({ name: "relay", holder: "one" });
    expect(await store.leases.acquire({ name: "relay", holder: "two", ttlMs: long })).toEqual({
      epoch: (first?.epoch ?? 0) + 1,
    });
  });

  it("keeps a number for whoever holds it, which an epoch that is over can't read or write", async () => {
    const { store } = await openForTest(open);
    const name = "events";
    const first = await store.leases.acquire({ name, holder: "one", ttlMs: long });
    const epoch = first?.epoch ?? 0;
    expect(await store.leases.readCounter({ name, epoch })).toBe(0);
    expect(await store.leases.writeCounter({ name, epoch, counter: 7 })).toBe(true);
    await store.leases.release({ name, holder: "one" });
    expect(await store.leases.writeCounter({ name, epoch, counter: 8 })).toBe(false);
    const second = await store.leases.acquire({ name, holder: "two", ttlMs: long });
    expect(await store.leases.readCounter({ name, epoch })).toBeNull();
    expect(await store.leases.readCounter({ name, epoch: second?.epoch ?? 0 })).toBe(7);
  });
}
