import type { Next } from "./chain.ts";
import { describeLimitProblem } from "./check-number.ts";

interface LimitContext {
  readonly signal: AbortSignal;
  readonly next: Next;
}

/**
 * Lets at most `limit` tasks through at once, first come, first served: of all tasks that this one middleware is
 * around, in whatever executions. Aborting the signal of a task that waits ends its wait with the signal's reason.
 */
export function concurrencyLimit(limit: number): (context: LimitContext) => Promise<void> {
  const problem = describeLimitProblem("limit", limit);
  if (problem !== null) throw new RangeError(`concurrencyLimit(): ${problem}`);
  const slots = new Slots(limit);
  return async function concurrencyLimit(context: LimitContext): Promise<void> {
    if (!slots.tryTake()) await slots.wait(context.signal);
    try {
      await context.next();
    } finally {
      slots.free();
    }
  };
}

class Slots {
  #free: number;
  /** In the order of arrival. */
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#free = limit;
  }

  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Resolves with a slot taken. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#waiting.delete(resolve);
      reject(signal.reason);
    };
    this.#waiting.add(resolve);
    signal.addEventListener("abort", onAbort);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** The slot goes to whoever has waited longest. */
  free(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
