import { largestRooms } from "#core/resource-amounts.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { describeError } from "#errors/app-error.ts";
import type { ExecutorBackend, PlannedClaim } from "#ports/executor-backend.ts";
import { planDispatch } from "./dispatch-plan.ts";
import { pushClaim } from "./push-claim.ts";
import { Reservations } from "./reservations.ts";
import type { RunWriter } from "../runs/run-writer.ts";
import type { ServedBackends } from "./served-backends.ts";
import type { WorkerSession } from "../sessions/session.ts";
import { groupByWork } from "../sessions/session-groups.ts";
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
  /** A worker is reserved for what has waited so long for resources. */
  readonly reserveAfterMs: number;
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
  readonly #reservations: Reservations;
  #isWoken = false;
  #isRunning = false;
  #isStopped = false;
  #backlog = true;
  #pickCount = 0;
  #retryTimer: Timer | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#reservations = new Reservations(options);
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
    await this.#reservations.keep();
    const groups = groupByWork(this.#options.sessions.all().filter((session) => session.freeSlots > 0));
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
      oldestAt: this.#oldestAt(limit),
      redispatchAfterMs,
      ...(first === undefined ? {} : { traits: first.traits }),
      rooms: largestRooms(sessions.map(({ room }) => room)),
    });
    this.#pickCount += picked.length;
    if (mayBeMore) this.#backlog = true;
    const planned = planDispatch(
      picked,
      sessions.map(({ workerKey, freeSlots, room }) => ({ workerKey, freeSlots, room })),
    );
    this.#options.claiming(planned.map(({ instance }) => instance.runKey));
    const isOffer = ({ instance }: PlannedClaim): boolean => tickets?.mayOffer(instance) === true;
    const claims = planned.filter((claim) => !isOffer(claim)).map((claim) => pushClaim(this.#options, claim));
    const [offered = 0] = await Promise.all([tickets?.offer(planned.filter(isOffer)), ...claims]);
    return claims.length + offered;
  }

  /** Which of the next picks are each a tenth one. */
  #oldestAt(limit: number): readonly number[] {
    const first = picksPerOldest - 1 - (this.#pickCount % picksPerOldest);
    return Array.from(
      { length: Math.ceil((limit - first) / picksPerOldest) },
      (_, place) => first + place * picksPerOldest,
    );
  }
}
