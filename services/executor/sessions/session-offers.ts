import type { Clock } from "#ports/clock.ts";

/** The instance that a ticket offers. */
export interface OfferedInstance {
  readonly runKey: number;
  readonly ordinal: number;
}

interface Offer {
  readonly instance: OfferedInstance;
  readonly until: number;
}

/**
 * Tickets that were published for one worker and are in flight, by their ids. One that nobody has claimed or handed back
 * in time is given up: by then it may be dispatched again.
 */
export class SessionOffers {
  readonly #clock: Pick<Clock, "now">;
  readonly #lifetimeMs: number;
  /** All live equally long, so the oldest are always the first to go. */
  readonly #offers = new Map<string, Offer>();

  constructor(clock: Pick<Clock, "now">, lifetimeMs: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs;
  }

  get count(): number {
    const now = this.#clock.now();
    for (const [id, { until }] of this.#offers) {
      if (until > now) break;
      this.#offers.delete(id);
    }
    return this.#offers.size;
  }

  add(id: string, instance: OfferedInstance): void {
    this.#offers.delete(id);
    this.#offers.set(id, { instance, until: this.#clock.now() + this.#lifetimeMs });
  }

  /** It is in flight: nobody has claimed it or handed it back. */
  has(id: string): boolean {
    return (this.#offers.get(id)?.until ?? Number.NEGATIVE_INFINITY) > this.#clock.now();
  }

  /** It is in flight no more; null: it was not. */
  take(id: string): OfferedInstance | null {
    const offer = this.#offers.get(id);
    this.#offers.delete(id);
    return offer?.instance ?? null;
  }
}
