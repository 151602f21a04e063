import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import type { CheckPage, CheckRequest } from "#doctor/consistency-check.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { ConsistencyLoop } from "./consistency-loop.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const intervalMs = 300_000;
const firstAfterMs = 30_000;

describe("the consistency loop", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A loop whose check answers these pages, one after the other, and nothing more after them. */
  function startLoop(options: { executorId?: string; intervalMs?: number; pages?: readonly CheckPage["next"][] } = {}) {
    const requests: CheckRequest[] = [];
    const loop = new ConsistencyLoop({
      store,
      clock: systemClock,
      logger,
      executorId: options.executorId ?? "one",
      intervalMs: options.intervalMs ?? intervalMs,
      check: async (request) => {
        requests.push(request);
        const next = options.pages?.[requests.length - 1] ?? null;
        return { findings: [], findingCount: 0, checkedRuns: 0, next, checkedFiles: 0, nextFiles: null };
      },
    });
    loop.start();
    return { loop, requests, cursors: () => requests.map(({ cursor }) => cursor) };
  }
  let { store, advance } = createClockedStore(planOfSpec);
  beforeEach(() => {
    ({ store, advance } = createClockedStore(planOfSpec));
  });

  it("looks half a minute after the start, then at its interval, and repairs", async () => {
    const { loop, requests } = startLoop();
    await vi.advanceTimersByTimeAsync(firstAfterMs - 1);
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.every(({ repair }) => repair)).toBe(true);
    const first = requests.length;
    await vi.advanceTimersByTimeAsync(intervalMs - 1);
    expect(requests.length).toBe(first);
    await vi.advanceTimersByTimeAsync(1);
    expect(requests.length).toBeGreaterThan(first);
    await loop.stop();
  });

  it("looks at all runs that go on, and goes on with the ended ones where the last round stopped", async () => {
    const ended = (afterKey: number) => ({ ended: true, afterKey });
    const active = { ended: false, afterKey: 9 };
    const pages = [active, ended(0), ended(1), ended(2), ended(3), ended(4), ended(5), null, ended(6)];
    const { loop, cursors } = startLoop({ pages });
    await vi.advanceTimersByTimeAsync(firstAfterMs);
    expect(cursors()).toEqual([null, active, ended(0), ended(1), ended(2), ended(3), ended(4)]);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect(cursors().slice(7, 9)).toEqual([null, ended(5)]);
    await loop.stop();
  });

  it("leaves the round to the executor that is at it, and takes over when that one is gone", async () => {
    await store.leases.acquire({ name: "consistency", holder: "another", ttlMs: firstAfterMs + intervalMs });
    const { loop, requests } = startLoop();
    await vi.advanceTimersByTimeAsync(firstAfterMs);
    expect(requests).toEqual([]);
    advance(firstAfterMs + intervalMs);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect(requests.length).toBeGreaterThan(0);
    expect(await store.leases.acquire({ name: "consistency", holder: "another", ttlMs: 1 })).not.toBeNull();
    await loop.stop();
  });

  it("never looks when its interval is zero", async () => {
    const { loop, requests } = startLoop({ intervalMs: 0 });
    await vi.advanceTimersByTimeAsync(10 * intervalMs);
    expect(requests).toEqual([]);
    await loop.stop();
  });
});
