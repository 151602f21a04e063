import type { Clock } from "#ports/clock.ts";

/** A clock that stands still until the test moves it, and then makes the calls that are due, in order. */
export function createManualClock(): Clock & {
  readonly advance: (ms: number) => void;
  readonly timerCount: () => number;
} {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly call: () => void }>();
  return {
    now: () => now,
    after: (delayMs, call) => {
      const timer = { at: now + delayMs, call };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    nextTurn: (call) => void setImmediate(call),
    afterCallbacks: (call) => process.nextTick(call),
    random: () => 0.5,
    advance: (ms) => {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at);
        if (next === undefined) break;
        now = next.at;
        timers.delete(next);
        next.call();
      }
      now = until;
    },
    timerCount: () => timers.size,
  };
}
