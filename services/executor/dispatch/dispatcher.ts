import type { Clock, Timer } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { describeError } from "#errors/app-error.ts";
import type { ExecutorBackend, PlannedClaim } from "#ports/executor-backend.ts";
import { planDispatch } from "./dispatch-plan.ts";
import { pushClaim } from "./push-claim.ts";
import type { RunWriter } from "../runs/run-writer.ts";
import type { ServedBackends } from "./served-backends.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";

const retryDelayMs = 500;
/** Every so many picks one takes the oldest of all, so that nothing waits for ever (I7). */
const picksPerOldest = 10;

export interface DispatcherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: SessionRegistry;
  readonly submit: RunWriter["submit"];
  readonly backends: ServedBackends;
  /** Null: everything is claimed over the sessions. */
  readonly tickets: ExecutorBackend | null;
  readonly redispatchAfterMs: number;
  readonly logger: Logger;
  /** Called with the runs whose instances are about to be claimed. */
  readonly claiming: (runKeys: readonly number[]) => void;
}

/**
 * Picks queued instances for the free slots of this executor's workers, claims them in one batch or offers them by
 * tickets, and goes on while there is both. Woken by whatever makes work or slots; a scan is the second path (G2).
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
    const groups = groupByWork(this.#options.sessions.all());
    this.#backlog = groups.length === 0;
    const claimed = await Promise.all(groups.map((group) => this.#dispatchTo(group)));
    // Slots or work may be left: look once more.
    if (this.#backlog && claimed.some((count) => count > 0)) this.#isWoken = true;
  }

  /** Fills the free slots of workers that take the same work; answers how many it found something for. */
  async #dispatchTo(sessions: readonly WorkerSession[]): Promise<number> {
    const { store, backends, tickets, redispatchAfterMs } = this.#options;
    const limit = sessions.reduce((sum, session) => sum + session.freeSlots, 0);
    const [first] = sessions;
    const queues = first?.queues ?? [];
    const { instances: picked, mayBeMore } = await store.runs.pickQueued({
      queues,
      backends: [null, ...backends.served],
      limit,
      oldest: this.#oldestOf(limit),
      redispatchAfterMs,
      ...(first === undefined ? {} : { traits: first.traits }),
    });
    this.#pickCount += picked.length;
    if (mayBeMore) this.#backlog = true;
    const planned = planDispatch(
      picked,
      sessions.map(({ workerKey, freeSlots }) => ({ workerKey, freeSlots })),
    );
    this.#options.claiming(planned.map(({ instance }) => instance.runKey));
    const isOffer = ({ instance }: PlannedClaim): boolean => tickets?.mayOffer(instance) === true;
    const claims = planned.filter((claim) => !isOffer(claim)).map((claim) => pushClaim(this.#options, claim));
    const [offered = 0] = await Promise.all([tickets?.offer(planned.filter(isOffer)), ...claims]);
    return claims.length + offered;
  }

  /** How many of the next picks are each a tenth one. */
  #oldestOf(limit: number): number {
    return Math.floor((this.#pickCount + limit) / picksPerOldest) - Math.floor(this.#pickCount / picksPerOldest);
  }
}

/** Sessions with free slots, those that take the same work together: by queues, labels and operators. */
function groupByWork(sessions: readonly WorkerSession[]): readonly (readonly WorkerSession[])[] {
  const free = sessions.filter((session) => session.freeSlots > 0);
  return [
    ...Map.groupBy(free, ({ queues, traits }) =>
      JSON.stringify([
        queues.toSorted(),
        Object.entries(traits.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        traits.operators.toSorted(),
      ]),
    ).values(),
  ];
}
