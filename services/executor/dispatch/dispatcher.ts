import { largestRooms } from "#core/resource-amounts.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { describeError } from "#errors/app-error.ts";
import type { ExecutorBackend, PlannedClaim } from "#ports/executor-backend.ts";
import type { PickedInstances } from "#ports/queued-instance.ts";
import { planDispatch } from "./dispatch-plan.ts";
import { pushClaim } from "./push-claim.ts";
import { Reservations } from "./reservations.ts";
import type { RunWriter } from "../runs/run-writer.ts";
import type { HandOffScope } from "../runs/turn.ts";
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
  /** Whether outcomes hand on what they make ready. */
  readonly handOff: boolean;
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
  /** The run that all of the backlog is of, by the last look; null: of several, or unknown. */
  #onlyRun: number | null = null;
  #picks = 0;
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

  /** It has begun to look for work for the slots that are free. */
  get isPicking(): boolean {
    return this.#picks > 0;
  }

  /** What of a run may be handed on by the writes of this executor. */
  handOffScope(runKey: number): HandOffScope {
    if (!this.#options.handOff) return "nothing";
    if (!this.hasBacklog) return "made_ready";
    return !this.#isWoken && this.#onlyRun === runKey ? "all" : "nothing";
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
      for (let again = false; (this.#isWoken || again) && !this.#isStopped; ) {
        if (this.#isWoken) this.#onlyRun = null;
        this.#isWoken = false;
        again = await this.#dispatch();
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

  /** Answers whether to look once more: slots or work may be left. */
  async #dispatch(): Promise<boolean> {
    await this.#reservations.keep();
    const groups = groupByWork(this.#options.sessions.all().filter((session) => session.freeSlots > 0));
    this.#backlog = groups.length === 0;
    const found = await Promise.all(groups.map((group) => this.#dispatchTo(group)));
    const [first] = found;
    if (first !== undefined) this.#onlyRun = found.length === 1 ? first.onlyRun : null;
    return this.#backlog && found.some(({ count }) => count > 0);
  }

  /** Fills the free slots of workers that take the same work; answers how many it found something for. */
  async #dispatchTo(sessions: readonly WorkerSession[]): Promise<{ count: number; onlyRun: number | null }> {
    const { tickets } = this.#options;
    const limit = sessions.reduce((sum, session) => sum + session.freeSlots, 0);
    const { instances: picked, mayBeMore, onlyRun } = await this.#pick(sessions, limit);
    this.#pickCount += picked.length;
    const planned = planDispatch(
      picked,
      sessions.map(({ workerKey, freeSlots, room }) => ({ workerKey, freeSlots, room })),
    );
    if (mayBeMore || planned.length < picked.length) this.#backlog = true;
    this.#options.claiming(planned.map(({ instance }) => instance.runKey));
    // What the outcomes of one run go on with has no use for tickets.
    const isHandedOn = this.#options.handOff && onlyRun !== null;
    const isOffer = ({ instance }: PlannedClaim): boolean => !isHandedOn && tickets?.mayOffer(instance) === true;
    const claims = planned.filter((claim) => !isOffer(claim)).map((claim) => pushClaim(this.#options, claim));
    const [offered = 0] = await Promise.all([tickets?.offer(planned.filter(isOffer)), ...claims]);
    return { count: claims.length + offered, onlyRun };
  }

  async #pick(sessions: readonly WorkerSession[], limit: number): Promise<PickedInstances> {
    const { store, backends, redispatchAfterMs } = this.#options;
    const [first] = sessions;
    this.#picks += 1;
    try {
      return await store.runs.pickQueued({
        queues: first?.queues ?? [],
        backends: [null, ...backends.served],
        limit,
        oldestAt: this.#oldestAt(limit),
        redispatchAfterMs,
        ...(first === undefined ? {} : { traits: first.traits }),
        rooms: largestRooms(sessions.map(({ room }) => room)),
      });
    } finally {
      this.#picks -= 1;
    }
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
