import type { Clock, Timer } from "#ports/clock.ts";

/** So many last requests say how fast a host is asked. */
const measuredRequests = 10;
/** Where a host does not say for how long. */
const defaultThrottleMs = 60_000;
const longestThrottleMs = 3_600_000;
const longestIntervalMs = 60_000;
/** After so many requests at its pace, a host that still asks for less means that pace. */
const requestsAtPace = 2;

/**
 * How fast one host is asked. A host that says "too many requests" is asked at half the rate, for as long as it says, and
 * at half of that if it says so again. No request is refused: each waits for its turn.
 */
export class HostThrottle {
  readonly #clock: Pick<Clock, "now" | "after">;
  /** When the last requests went, or will go. */
  #times: readonly number[] = [];
  #intervalMs = 0;
  #throttledUntil = 0;
  #countAtPace = 0;

  constructor(clock: Pick<Clock, "now" | "after">) {
    this.#clock = clock;
  }

  /** Resolves when the next request may go. Rejects with the signal's reason. */
  async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const now = this.#clock.now();
    const last = this.#times.at(-1) ?? Number.NEGATIVE_INFINITY;
    const at = now < this.#throttledUntil ? Math.max(now, last + this.#intervalMs) : now;
    this.#countAtPace += 1;
    this.#times = [...this.#times, at].slice(-measuredRequests);
    if (at > now) await wait(this.#clock, at - now, signal);
  }

  /** The host asks for less; `forMs` null: it does not say for how long. */
  slowDown(forMs: number | null): void {
    const now = this.#clock.now();
    if (now >= this.#throttledUntil) this.#setInterval(2 * spacingOf(this.#times));
    else if (this.#countAtPace >= requestsAtPace) this.#setInterval(2 * this.#intervalMs);
    const untilMs = now + Math.min(forMs ?? defaultThrottleMs, longestThrottleMs);
    this.#throttledUntil = Math.max(this.#throttledUntil, untilMs);
  }

  #setInterval(intervalMs: number): void {
    this.#intervalMs = Math.min(Math.max(1, intervalMs), longestIntervalMs);
    this.#countAtPace = 0;
  }
}

/** Milliseconds between two requests, on average; of one alone nothing is known, and a second is assumed. */
function spacingOf(times: readonly number[]): number {
  const [first = 0] = times;
  const last = times.at(-1) ?? 0;
  return times.length < 2 ? 1000 : (last - first) / (times.length - 1);
}

function wait(clock: Pick<Clock, "after">, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer | null = null;
    const onAbort = (): void => {
      timer?.cancel();
      reject(signal.reason as Error);
    };
    timer = clock.after(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
