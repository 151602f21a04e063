import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#errors/app-error.ts";

export interface KeepTryingOptions {
  readonly signal: AbortSignal;
  /** Called once for each time that the server is away. */
  readonly onAway: () => void;
}

/** A server that stays away for so long is given up. */
const awayLimitMs = 60_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

/**
 * A stream that survives its server: `open` is called again after each end or failure that may pass, with pauses that
 * double, and goes on where it was (that is the business of `open`). Ends when `isComplete` says so or with the signal;
 * throws what can't pass, and the last error after a minute without contact.
 */
export async function* keepTrying<T>(
  open: () => AsyncIterable<T>,
  isComplete: () => boolean,
  { signal, onAway }: KeepTryingOptions,
): AsyncGenerator<T> {
  let pauseMs = firstPauseMs;
  let lastContactAt = performance.now();
  while (!signal.aborted) {
    try {
      for await (const item of open()) {
        pauseMs = firstPauseMs;
        lastContactAt = performance.now();
        yield item;
        if (isComplete()) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const mayPass = thrown instanceof AppError && thrown.retryable;
      if (!mayPass || performance.now() - lastContactAt > awayLimitMs) throw thrown;
      if (pauseMs === firstPauseMs) onAway();
    }
    if (isComplete()) return;
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}
