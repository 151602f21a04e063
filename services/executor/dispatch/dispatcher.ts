import { hasRoom, largestRooms, noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { describeError } from "#errors/app-error.ts";
import type { ExecutorBackend, PlannedClaim } from "#ports/executor-backend.ts";
import type { PickedInstances } from "#ports/queued-instance.ts";
import { planDispatch } from "./dispatch-plan.ts";
import { PickedAhead } from "./picked-ahead.ts";
import { pushClaim } from "./push-claim.ts";
import { Reservations } from "./reservations.ts";
import type { RunWriter } from "../runs/run-writer.ts";
import type { HandOffScope, Submission } from "../runs/turn.ts";
import type { ServedBackends } from "./served-backends.ts";
import type { WorkerSession } from "../sessions/session.ts";
import { groupByWork } from "../sessions/session-groups.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";

/** Workers that take the same work, and what to pick for them: for free slots, and beyond them. */
interface Look {
  readonly sessions: readonly WorkerSession[];
  readonly work: string;
  readonly free: number;
  readonly ahead: number;
}

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
  readonly #ahead: PickedAhead;
  #isWoken = false;
  #isRunning = false;
  #isStopped = false;
  #backlog = true;
  /** The work of workers that had no free slot at the last look: something may be waiting for them. */
  readonly #unseen = new Set<string>();
  /** The run that all of the backlog is of, by the last look; null: of several, or unknown. */
  #onlyRun: number | null = null;
  #picks = 0;
  #pickCount = 0;
  #retryTimer: Timer | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#reservations = new Reservations(options);
    this.#ahead = new PickedAhead(options.clock);
  }

  /** True while something may be waiting that was not offered a slot: a hand-off would pass it by. */
  get hasBacklog(): boolean {
    return this.#backlog || this.#isWoken;
  }

  /** Slots came free: looks for work where some may be waiting for them. */
  slotsFreed(): void {
    // What came free may have been handed on already.
    const free = this.#options.sessions.all().filter(({ freeSlots }) => freeSlots > 0);
    if (free.length > 0 && (this.hasBacklog || free.some(({ work }) => this.#unseen.has(work)))) this.wake();
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

  /**
   * Gives the slot that this submission frees to the best of what waits, in the same write; false: there is nothing that was
   * picked lately, and the slot is free for whoever looks next. Where resources come free with it, that is a new pick: what
   * has waited for them was left out of the last one.
   */
  fillFreed({ freesSlotOf: workerKey, freesResources = noResources }: Submission): boolean {
    const session = workerKey === null ? undefined : this.#options.sessions.get(workerKey);
    if (session === undefined || this.#isStopped || !session.acceptsWork || session.reservedFor !== null) return false;
    if (session.slotsComing <= 0 || !hasRoom(noResources, freesResources)) return false;
    const instance = this.#ahead.take(session.work, session.room);
    if (this.#ahead.isLow(session.work)) this.#start();
    if (instance === null) return false;
    this.#pickCount += 1;
    void this.#claimAhead({ workerKey: session.workerKey, instance });
    return true;
  }

  wake(): void {
    this.#isWoken = true;
    this.#start();
  }

  #start(): void {
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retryTimer?.cancel();
    this.#options.tickets?.stop();
  }

  async #run(): Promise<void> {
    try {
      for (let again = true; again && !this.#isStopped; ) {
        if (this.#isWoken) this.#onlyRun = null;
        this.#isWoken = false;
        again = (await this.#dispatch()) || this.#isWoken;
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
    const groups = groupByWork(this.#options.sessions.all().filter((session) => session.acceptsWork));
    const all = groups.map((sessions) => this.#plan(sessions));
    this.#ahead.keepOnly(new Set(all.map(({ work }) => work)));
    this.#unseen.clear();
    for (const { work, free } of all) if (free === 0) this.#unseen.add(work);
    const looks = all.filter(({ free, ahead }) => free > 0 || ahead > 0);
    this.#backlog = looks.every(({ free }) => free === 0);
    const found = await Promise.all(looks.map((look) => this.#dispatchTo(look)));
    const [first] = found;
    if (first !== undefined) this.#onlyRun = found.length === 1 ? first.onlyRun : null;
    return this.#backlog && found.some(({ count }) => count > 0);
  }

  #plan(sessions: readonly WorkerSession[]): Look {
    const free = sessions.reduce((sum, session) => sum + session.freeSlots, 0);
    const slots = sessions.reduce((sum, session) => sum + session.slots, 0);
    const work = sessions[0]?.work ?? "";
    return { sessions, work, free, ahead: this.#options.handOff ? this.#ahead.wanted(work, slots) : 0 };
  }

  /** Fills the free slots of workers that take the same work; answers how many it found something for. */
  async #dispatchTo({ sessions, work, free, ahead }: Look): Promise<{ count: number; onlyRun: number | null }> {
    const { tickets, handOff } = this.#options;
    const since = this.#options.clock.now();
    // What asks for resources must fit where the slots are.
    const spare = free > 0 ? sessions.filter(({ freeSlots }) => freeSlots > 0) : sessions;
    const limit = free + ahead + (tickets?.offeredCount ?? 0);
    const rooms = largestRooms(spare.map(({ room }) => room));
    const picked = await this.#ahead.without(() => this.#pick(spare, limit, rooms));
    const { mayBeMore, onlyRun } = picked;
    const instances = picked.instances.filter((one) => !this.#ahead.isTaken(one) && tickets?.isOffered(one) !== true);
    // Where room has come free meanwhile what needs it was left out: that slot is for the next look.
    const able = sessions.filter(({ freeSlots }) => freeSlots > 0);
    const places = able.filter((session) => rooms.some((room) => hasRoom(room, session.room)));
    if (places.length < able.length) this.#isWoken = true;
    const planned = planDispatch(
      instances,
      places.map(({ workerKey, freeSlots, room }) => ({ workerKey, freeSlots, room })),
    );
    this.#pickCount += planned.length;
    if (mayBeMore || planned.length < instances.length) this.#backlog = true;
    this.#options.claiming(instances.map(({ runKey }) => runKey));
    const isPlanned = new Set(planned.map(({ instance }) => instance));
    const isCompeting = handOff && onlyRun === null;
    const left = isCompeting ? instances.filter((instance) => !isPlanned.has(instance)) : [];
    this.#ahead.put(work, left, { since, isCut: isCompeting && mayBeMore });
    // Tickets are stamped, which keeps executors apart that pick the same; alone, a claim is the shorter way.
    const isDirect = handOff && (onlyRun !== null || !this.#ahead.hasRivals);
    const isOffer = ({ instance }: PlannedClaim): boolean => !isDirect && tickets?.mayOffer(instance) === true;
    const claims = planned.filter((claim) => !isOffer(claim)).map((claim) => this.#claim(claim));
    const [offered = 0] = await Promise.all([tickets?.offer(planned.filter(isOffer)), ...claims]);
    return { count: claims.length + offered, onlyRun };
  }

  /** Answers whether the worker has it now. */
  async #claim(claim: PlannedClaim): Promise<boolean> {
    const { instance } = claim;
    this.#ahead.claim(instance);
    try {
      const result = await pushClaim(this.#options, claim);
      if (result?.kind !== "judged") return false;
      if (result.verdict.accepted) return true;
      const { held, workerKey } = result.run.instances[instance.ordinal] ?? { held: false, workerKey: null };
      const isElsewhere = workerKey !== null && this.#options.sessions.get(workerKey) === undefined;
      if (held && isElsewhere) this.#ahead.noteRival();
      return false;
    } finally {
      this.#ahead.settle(instance);
    }
  }

  /** A claim of what was picked before; where it fails the instance may still wait, and its slot is free. */
  async #claimAhead(claim: PlannedClaim): Promise<void> {
    const isClaimed = await this.#claim(claim).catch((error: unknown) => {
      this.#options.logger.debug({ error: describeError(error) }, "a claim was not written");
      return false;
    });
    if (!isClaimed) this.wake();
  }

  async #pick(
    sessions: readonly WorkerSession[],
    limit: number,
    rooms: readonly ResourceAmounts[],
  ): Promise<PickedInstances> {
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
        rooms,
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
