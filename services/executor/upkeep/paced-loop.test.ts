import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import { createLogger } from "#telemetry/logger.ts";
import { PacedLoop } from "./paced-loop.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });

describe("PacedLoop", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function startLoop(round: () => Promise<number | null>): PacedLoop {
    const loop = new PacedLoop({ name: "test", intervalMs: 1000, clock: systemClock, logger, round });
    loop.start();
    return loop;
  }

  it("runs at its interval, and sooner when a round wishes it", async () => {
    const round = vi.fn(async () => (round.mock.calls.length === 1 ? 10 : null));
    const loop = startLoop(round);
    await vi.advanceTimersByTimeAsync(0);
    expect(round).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10);
    expect(round).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(999);
    expect(round).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(round).toHaveBeenCalledTimes(3);
    await loop.stop();
  });

  it("remembers a poke that comes during a round", async () => {
    let finish = (): void => undefined;
    const round = vi.fn(
      () =>
        new Promise<null>((resolve) => {
          finish = () => resolve(null);
        }),
    );
    const loop = startLoop(round);
    await vi.advanceTimersByTimeAsync(0);
    loop.pokeIn(0);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(round).toHaveBeenCalledTimes(2);
    finish();
    await loop.stop();
  });

  it("backs off after failures and says that it is not healthy", async () => {
    const round = vi.fn(() => Promise.reject(new Error("away")));
    const loop = startLoop(round);
    await vi.advanceTimersByTimeAsync(0);
    expect(loop.isHealthy).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    await vi.advanceTimersByTimeAsync(199);
    expect(round).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(round).toHaveBeenCalledTimes(3);
    await loop.stop();
  });

  it("starts nothing after its stop", async () => {
    const round = vi.fn(async () => null);
    const loop = startLoop(round);
    await loop.stop();
    loop.pokeIn(0);
    await vi.advanceTimersByTimeAsync(5000);
    expect(round).not.toHaveBeenCalled();
  });
});
