import { type CheckCursor, initialCursor } from "#doctor/read-batch.ts";
import type { CheckConsistency } from "#doctor/consistency-check.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { PacedLoop } from "./paced-loop.ts";

const leaseName = "consistency";
/** Longer than a page takes; it is renewed with each. */
const leaseMs = 120_000;
/** After a start there is more to do than to look for what is wrong. */
const firstAfterMs = 30_000;
const runsPerPage = 2000;
/** What has ended hardly ever changes: each round looks at so many of them, and the next one goes on from there. */
const endedPagesPerRound = 5;

export interface ConsistencyLoopOptions {
  readonly store: Pick<Store, "leases">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly executorId: string;
  /** 0: it never runs. */
  readonly intervalMs: number;
  readonly check: CheckConsistency;
}

/** Looks at the state now and then and repairs what is safe; one executor at a time, by a lease row. */
export class ConsistencyLoop {
  readonly #options: ConsistencyLoopOptions;
  readonly #loop: PacedLoop;
  readonly #stopping = new AbortController();
  #firstAt: number | null = null;
  #endedCursor: CheckCursor | null = null;

  constructor(options: ConsistencyLoopOptions) {
    this.#options = options;
    const { clock, logger, intervalMs } = options;
    this.#loop = new PacedLoop({ name: "consistency", intervalMs, clock, logger, round: () => this.#round() });
  }

  start(): void {
    if (this.#options.intervalMs > 0) this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop.stop();
  }

  async #round(): Promise<number | null> {
    const { clock, store, executorId: holder } = this.#options;
    this.#firstAt ??= clock.now() + firstAfterMs;
    const waitMs = this.#firstAt - clock.now();
    if (waitMs > 0) return waitMs;
    if (!(await this.#hold())) return null;
    try {
      await this.#checkAll();
    } catch (error) {
      // The process ends: whoever is next begins a round of its own.
      if (!this.#stopping.signal.aborted) throw error;
    } finally {
      await store.leases.release({ name: leaseName, holder });
    }
    return null;
  }

  async #checkAll(): Promise<void> {
    let cursor: CheckCursor | null = null;
    do {
      cursor = await this.#checkPage(cursor);
    } while (cursor !== null && !cursor.ended && (await this.#hold()));
    this.#endedCursor ??= { ...initialCursor, ended: true };
    for (let page = 0; page < endedPagesPerRound && this.#endedCursor !== null; page += 1) {
      if (!(await this.#hold())) return;
      this.#endedCursor = await this.#checkPage(this.#endedCursor);
    }
  }

  async #checkPage(cursor: CheckCursor | null): Promise<CheckCursor | null> {
    const { signal } = this.#stopping;
    const page = await this.#options.check({ cursor, repair: true, files: "skip", maxRuns: runsPerPage, signal });
    return page.next;
  }

  async #hold(): Promise<boolean> {
    const { store, executorId: holder } = this.#options;
    return (await store.leases.acquire({ name: leaseName, holder, ttlMs: leaseMs })) !== null;
  }
}
