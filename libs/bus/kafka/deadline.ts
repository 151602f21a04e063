import type { Clock } from "#ports/clock.ts";

/** Resolves after the time, unless it was canceled. */
export interface Deadline {
  readonly passed: Promise<void>;
  cancel(): void;
}

export function createDeadline(clock: Clock, delayMs: number): Deadline {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(delayMs, resolve);
  return { passed: promise, cancel: () => timer.cancel() };
}
