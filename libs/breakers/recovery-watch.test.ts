import { expect, test } from "vitest";
import type { BreakerChange, BreakerState } from "#ports/breaker-status.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { RecoveryWatch } from "./recovery-watch.ts";

/** A breaker in the test's hand: it is what the test says, and counts how often it was told to try. */
function createBreakerStub(): CircuitBreaker & {
  readonly turn: (state: BreakerState) => void;
  readonly told: () => number;
} {
  let state: BreakerState = "closed";
  let count = 0;
  const listeners = new Set<(change: BreakerChange) => void>();
  return {
    get status() {
      return { name: "stub", state, changes: [] };
    },
    run: (call) => call(),
    tryNow: () => void (count += 1),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    turn: (next) => {
      state = next;
      for (const listener of listeners) listener({ state, at: 0, cause: "" });
    },
    told: () => count,
  };
}

function watch({ isAnswering, longestPauseMs = 2000 }: { isAnswering: boolean; longestPauseMs?: number }) {
  const clock = createManualClock();
  const breaker = createBreakerStub();
  const look = async (): Promise<boolean> => isAnswering;
  const watcher = new RecoveryWatch({ breakers: [breaker], look, longestPauseMs, clock });
  /** Moves on, look by look. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 250) {
      await expect.poll(() => clock.timerCount()).toBe(1);
      clock.advance(250);
    }
  };
  const expectTold = (count: number) => expect.poll(() => breaker.told()).toBe(count);
  return { clock, breaker, watcher, pass, expectTold };
}

test("a breaker that opened is told once, at the first look that finds an answer", async () => {
  const { clock, breaker, watcher, pass, expectTold } = watch({ isAnswering: true });
  expect(clock.timerCount()).toBe(0);
  breaker.turn("open");
  await pass(250);
  await expectTold(1);
  expect(clock.timerCount()).toBe(0);
  for (const state of ["half_open", "closed", "open"] as const) breaker.turn(state);
  await pass(250);
  await expectTold(2);
  watcher.close();
});

test("one that opens again at once is told later each time, at most after the longest pause", async () => {
  const { breaker, watcher, pass, expectTold } = watch({ isAnswering: true });
  breaker.turn("open");
  await pass(250);
  await expectTold(1);
  for (const [place, pauseMs] of [250, 500, 1000, 2000, 2000].entries()) {
    breaker.turn("half_open");
    breaker.turn("open");
    await pass(pauseMs - 250);
    expect(breaker.told()).toBe(place + 1);
    await pass(250);
    await expectTold(place + 2);
  }
  watcher.close();
});

test("one that was in trouble again and again is told within seconds, however long it may stay open", async () => {
  const { breaker, watcher, pass, expectTold } = watch({ isAnswering: true, longestPauseMs: 600_000 });
  for (let round = 0; round < 8; round += 1) {
    breaker.turn("half_open");
    breaker.turn("open");
    await pass(Math.min(5000, Math.max(250, 250 * 2 ** (round - 1))));
    await expectTold(round + 1);
  }
  watcher.close();
});

test("nothing is told while nothing answers, and nothing is left after the end", async () => {
  const { clock, breaker, watcher, pass } = watch({ isAnswering: false });
  breaker.turn("open");
  await pass(1000);
  await expect.poll(() => clock.timerCount()).toBe(1);
  expect(breaker.told()).toBe(0);
  watcher.close();
  expect(clock.timerCount()).toBe(0);
  breaker.turn("open");
  expect(clock.timerCount()).toBe(0);
});
