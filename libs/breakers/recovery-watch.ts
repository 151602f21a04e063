import type { Clock, Timer } from "#ports/clock.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";

/** Between two looks, while a breaker is open. */
const lookIntervalMs = 250;

/** However often tries have failed, what answers is tried after so long: well within the lease of a worker, which is 15 s. */
const longestTryPauseMs = 5000;

interface Watched {
  readonly breaker: CircuitBreaker;
  /** It is not told before, however soon the database answers. */
  notBefore: number;
  /** How long the next opening in a row keeps it from being told. */
  pauseMs: number;
  /** It tries with its next call; until then there is nothing to look for. */
  isTold: boolean;
}

/**
 * Ends the waiting of open breakers. While one is open it looks, beside the calls, whether what they call answers, and has
 * the breaker try at once when it does: an outage of a second lasts a second, not the time that a breaker stays open. A
 * breaker that opens again at once, of something that answers and works no more, is told after twice the time each time,
 * at most after the longest pause, which is 5 s or less: trouble that came and went for a while must not hold up what has
 * healed.
 */
export class RecoveryWatch {
  readonly #look: () => Promise<boolean>;
  readonly #watched: readonly Watched[];
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #endings: readonly (() => void)[];
  #timer: Timer | null = null;
  #isLooking = false;
  #isClosed = false;

  constructor(options: {
    readonly breakers: readonly CircuitBreaker[];
    /** Whether it answers now; never rejects, and has a deadline of its own. */
    readonly look: () => Promise<boolean>;
    readonly longestPauseMs: number;
    readonly clock: Pick<Clock, "now" | "after">;
  }) {
    const longestPauseMs = Math.min(options.longestPauseMs, longestTryPauseMs);
    this.#look = options.look;
    this.#clock = options.clock;
    this.#watched = options.breakers.map((breaker) => ({ breaker, notBefore: 0, pauseMs: 0, isTold: false }));
    this.#endings = this.#watched.map((watched) =>
      watched.breaker.onChange(({ state }) => {
        watched.isTold = false;
        if (state === "closed") watched.pauseMs = 0;
        if (state !== "open") return;
        watched.notBefore = this.#clock.now() + watched.pauseMs;
        watched.pauseMs = Math.min(Math.max(watched.pauseMs * 2, lookIntervalMs), longestPauseMs);
        this.#lookLater();
      }),
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const end of this.#endings) end();
  }

  #lookLater(): void {
    if (this.#timer !== null || this.#isLooking || this.#isClosed) return;
    this.#timer = this.#clock.after(lookIntervalMs, () => {
      this.#timer = null;
      void this.#round();
    });
  }

  async #round(): Promise<void> {
    if (this.#due().length > 0) {
      this.#isLooking = true;
      const isAnswering = await this.#look();
      this.#isLooking = false;
      if (isAnswering) this.#tell();
    }
    if (this.#waiting().length > 0) this.#lookLater();
  }

  #tell(): void {
    for (const watched of this.#due()) {
      watched.isTold = true;
      watched.breaker.tryNow();
    }
  }

  #waiting(): readonly Watched[] {
    return this.#watched.filter(({ breaker, isTold }) => breaker.status.state === "open" && !isTold);
  }

  #due(): readonly Watched[] {
    const now = this.#clock.now();
    return this.#waiting().filter(({ notBefore }) => notBefore <= now);
  }
}
