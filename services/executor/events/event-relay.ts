import { failpoint } from "#failpoints/failpoint.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";

const leaseName = "relay";
const leaseMs = 8000;
const renewEveryMs = leaseMs / 4;
const maxEventsPerBatch = 1000;
/** Under load events are published in batches: the first at once, the next this much later. */
const batchPauseMs = 50;

/** Gives committed events their ids; one relay at a time, by a lease row whose epoch guards every batch. */
export class EventRelay {
  readonly #store: Store;
  readonly #holder: string;
  readonly #clock: Clock;
  #epoch: number | null = null;
  /** No lease is asked for before. */
  #renewAt = Number.NEGATIVE_INFINITY;
  #lastBatchAt = Number.NEGATIVE_INFINITY;

  constructor(store: Store, holder: string, clock: Clock) {
    this.#store = store;
    this.#holder = holder;
    this.#clock = clock;
  }

  get leads(): boolean {
    return this.#epoch !== null;
  }

  /** How long what was committed now should wait, in milliseconds. */
  get pauseMs(): number {
    return Math.max(0, this.#lastBatchAt + batchPauseMs - this.#clock.now());
  }

  /** Publishes what waits; answers in how many milliseconds the lease needs it again. */
  async round(): Promise<number> {
    if (this.#clock.now() >= this.#renewAt) await this.#renew();
    // Another relay leads: what is committed meanwhile is its affair.
    if (this.#epoch === null) return Math.max(0, this.#renewAt - this.#clock.now());
    const count = await this.#store.events.publish(this.#epoch, maxEventsPerBatch);
    if (count === null) {
      this.#epoch = null;
      this.#renewAt = Number.NEGATIVE_INFINITY;
      return 0;
    }
    if (count > 0) {
      failpoint("event_publishing.after");
      this.#lastBatchAt = this.#clock.now();
    }
    return count >= maxEventsPerBatch ? 0 : Math.max(0, this.#renewAt - this.#clock.now());
  }

  async release(): Promise<void> {
    if (this.#epoch !== null) await this.#store.leases.release({ name: leaseName, holder: this.#holder });
    this.#epoch = null;
  }

  async #renew(): Promise<void> {
    const lease = await this.#store.leases.acquire({ name: leaseName, holder: this.#holder, ttlMs: leaseMs });
    this.#epoch = lease?.epoch ?? null;
    this.#renewAt = this.#clock.now() + renewEveryMs;
  }
}
