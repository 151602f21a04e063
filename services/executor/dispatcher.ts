import type { Clock, Timer } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { describeError } from "#errors/app-error.ts";
import { type PlannedClaim, planDispatch } from "./dispatch-plan.ts";
import type { RunWriter } from "./run-writer.ts";
import type { WorkerSession } from "./session.ts";
import type { SessionRegistry } from "./session-registry.ts";

const retryDelayMs = 500;
/** Every so many picks one takes the oldest of all, so that nothing waits for ever (I7). */
const picksPerOldest = 10;

export interface DispatcherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: SessionRegistry;
  readonly writer: RunWriter;
  readonly backend: string;
  readonly logger: Logger;
  /** Called with the runs whose instances are about to be claimed. */
  readonly claiming: (runKeys: readonly number[]) => void;
}

/**
 * Picks queued instances for the free slots of this executor's workers, claims them in one batch, and goes on while
 * there is both. Woken by whatever makes work or slots; a scan is the second path (G2).
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #isWoken = false;
  #isRunning = false;
  #isStopped = false;
  #backlog = true;
  #pickCount = 0;
  #retryTimer: Timer | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** True while something may be waiting that was not offered a slot: a hand-off would pass it by. */
  get hasBacklog(): boolean {
    return this.#backlog || this.#isWoken;
  }

  wake(): void {
    this.#isWoken = true;
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retryTimer?.cancel();
  }

  async #run(): Promise<void> {
    try {
      while (this.#isWoken && !this.#isStopped) {
        this.#isWoken = false;
        await this.#dispatch();
      }
    } catch (error) {
      this.#options.logger.warn({ error: describeError(error) }, "dispatching failed and is tried again");
      this.#retryTimer ??= this.#options.clock.after(retryDelayMs, () => {
        this.#retryTimer = null;
        this.wake();
      });
    } finally {
      this.#isRunning = false;
    }
  }

  async #dispatch(): Promise<void> {
    const groups = groupByQueues(this.#options.sessions.all());
    this.#backlog = groups.length === 0;
    const claimed = await Promise.all(groups.map((group) => this.#dispatchTo(group)));
    // Slots or work may be left: look once more.
    if (this.#backlog && claimed.some((count) => count > 0)) this.#isWoken = true;
  }

  /** Fills the free slots of workers that take the same queues; answers how many claims it made. */
  async #dispatchTo(sessions: readonly WorkerSession[]): Promise<number> {
    const { store, backend } = this.#options;
    const limit = sessions.reduce((sum, session) => sum + session.freeSlots, 0);
    const queues = sessions[0]?.queues ?? [];
    const picked = await store.runs.pickQueued({
      queues,
      backends: [null, backend],
      limit,
      oldest: this.#oldestOf(limit),
    });
    this.#pickCount += picked.length;
    if (picked.length === limit) this.#backlog = true;
    const planned = planDispatch(
      picked,
      sessions.map(({ workerKey, freeSlots }) => ({ workerKey, freeSlots })),
    );
    this.#options.claiming(planned.map(({ instance }) => instance.runKey));
    await Promise.all(planned.map((claim) => this.#claim(claim)));
    return planned.length;
  }

  /** How many of the next picks are each a tenth one. */
  #oldestOf(limit: number): number {
    return Math.floor((this.#pickCount + limit) / picksPerOldest) - Math.floor(this.#pickCount / picksPerOldest);
  }

  async #claim({ workerKey, instance }: PlannedClaim): Promise<void> {
    const session = this.#options.sessions.get(workerKey);
    if (session === undefined) return;
    const { runKey, ordinal, generation, tryNumber } = instance;
    session.reserve(1);
    try {
      await this.#options.writer.submit({
        runKey,
        event: { kind: "claim", ordinal, generation, tryNumber, workerKey },
        freesSlotOf: null,
      });
    } finally {
      session.unreserve(1);
    }
  }
}

/** Sessions with free slots, those that take the same queues together. */
function groupByQueues(sessions: readonly WorkerSession[]): readonly (readonly WorkerSession[])[] {
  const free = sessions.filter((session) => session.freeSlots > 0);
  return [...Map.groupBy(free, (session) => session.queues.toSorted().join(",")).values()];
}
