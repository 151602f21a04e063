import { setImmediate } from "node:timers";
import type { Clock } from "#ports/clock.ts";

/** The process's own clock and loop. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  nextTurn: (call) => void setImmediate(call),
  afterCallbacks: (call) => process.nextTick(call),
  random: () => Math.random(),
};
