import { createHash } from "node:crypto";
import type { SensorPace } from "#ports/sensor-store.ts";

/** The interval grows to so many times its length, and no further. */
const maxFactor = 8;

/** It doubles after so many looks in a row that saw no change. */
const quietLooksPerStep = 10;

/** What a look was like. `awaiting`: nothing fired, but something soon may. */
export type LookKind = "quiet" | "awaiting" | "fired" | "failed";

/** How often to look after a look: less often where nothing changes or it fails, at once as ever where something does. */
export function nextPace({ factor, quietCount, failureCount }: SensorPace, kind: LookKind): SensorPace {
  switch (kind) {
    case "fired":
    case "awaiting":
      return { factor: 1, quietCount: 0, failureCount: 0 };
    case "failed":
      return { factor: Math.min(maxFactor, factor * 2), quietCount: 0, failureCount: failureCount + 1 };
    case "quiet": {
      // What made it slow was a failure, and that is over.
      if (failureCount > 0) return { factor: 1, quietCount: 0, failureCount: 0 };
      const isStep = quietCount + 1 === quietLooksPerStep;
      return {
        factor: isStep ? Math.min(maxFactor, factor * 2) : factor,
        quietCount: isStep ? 0 : quietCount + 1,
        failureCount: 0,
      };
    }
  }
}

/**
 * When to look next: the first time after `now` of a grid that begins at a place of the sensor's own, so that sensors of
 * one interval don't meet and none drifts. Milliseconds since 1970.
 */
export function nextPollAt(options: { name: string; now: number; intervalMs: number; factor: number }): number {
  const { name, now, factor } = options;
  const intervalMs = Math.max(1, options.intervalMs);
  const drawn = createHash("sha256").update(name).digest().readUInt32BE(0);
  const phase = Math.floor((drawn / 2 ** 32) * intervalMs);
  const stepMs = intervalMs * factor;
  return phase + (Math.floor((now - phase) / stepMs) + 1) * stepMs;
}
