import { workerToReserve } from "#core/reservation.ts";
import { largestRooms, noResources } from "#core/resource-amounts.ts";
import type { Clock } from "#ports/clock.ts";
import type { PickedInstance, QueuedInstance } from "#ports/queued-instance.ts";
import type { Store } from "#ports/store.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";
import type { WorkerSession } from "../sessions/session.ts";
import { groupByWork } from "../sessions/session-groups.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import { pushClaim } from "./push-claim.ts";
import type { ServedBackends } from "./served-backends.ts";

/** The longest time between looks for what has waited too long, in milliseconds. */
const mostBetweenLooksMs = 5000;
/** Of those that have waited longest so many are looked at: several groups of workers may be able to have the first. */
const mostLookedAt = 20;

export interface ReservationsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: SessionRegistry;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
  readonly backends: ServedBackends;
  readonly redispatchAfterMs: number;
  readonly reserveAfterMs: number;
  readonly claiming: (runKeys: readonly number[]) => void;
}

interface Waiting extends PickedInstance {
  readonly requests: NonNullable<PickedInstance["requests"]>;
}

/**
 * Keeps small requests from starving large ones: of the workers that take the same work one at a time is reserved for
 * what has waited longest for resources. It begins no other attempt that asks for any until it has room for that one.
 * Nothing of it is decided in the store: another executor reserves one of its own workers, and whoever claims first has
 * the attempt. The beats of a worker say what it is reserved for, for those who ask why something waits.
 */
export class Reservations {
  readonly #options: ReservationsOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  readonly #requests = new Map<WorkerSession, Waiting>();

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** Looks now and then who waits too long, and claims for reserved workers what they have room for by now. */
  async keep(): Promise<void> {
    const { sessions, clock, reserveAfterMs } = this.#options;
    const isTime = clock.now() - this.#lookedAt >= Math.min(mostBetweenLooksMs, reserveAfterMs);
    const all = sessions.all();
    for (const session of this.#requests.keys()) if (!session.acceptsWork || !all.includes(session)) this.#end(session);
    if (isTime && (this.#requests.size > 0 || all.some(hasTaken))) {
      this.#lookedAt = clock.now();
      const groups = groupByWork(all.filter((session) => session.acceptsWork));
      for (const group of groups) await this.#look(group);
    }
    await Promise.all([...this.#requests].map(([session, waiting]) => this.#claim(session, waiting)));
  }

  async #look(group: readonly WorkerSession[]): Promise<void> {
    const { store, backends, redispatchAfterMs, reserveAfterMs } = this.#options;
    const [first] = group;
    if (first === undefined) return;
    const { instances } = await store.runs.pickQueued({
      queues: first.queues,
      backends: [null, ...backends.served],
      limit: mostLookedAt,
      oldestAt: [...Array.from({ length: mostLookedAt }).keys()],
      redispatchAfterMs,
      traits: first.traits,
      rooms: largestRooms(group.map(({ resources }) => resources)),
      askedMs: reserveAfterMs,
    });
    const waiting = instances.flatMap((one) =>
      one.requests === undefined ? [] : [{ ...one, requests: one.requests }],
    );
    const reserved = group.find((session) => this.#requests.has(session));
    const kept = reserved === undefined ? undefined : this.#requests.get(reserved);
    if (kept !== undefined && waiting.some((one) => isSame(one, kept))) return;
    if (reserved !== undefined) this.#end(reserved);
    const taken = [...this.#requests.values()];
    const next = waiting.find((one) => !taken.some((other) => isSame(one, other)));
    if (next !== undefined) this.#reserve(group, next);
  }

  #reserve(group: readonly WorkerSession[], waiting: Waiting): void {
    const workers = group.map(({ workerKey, resources: total, room }) => ({ workerKey, total, room }));
    const chosen = workerToReserve(waiting.requests, workers);
    const session = group.find(({ workerKey }) => workerKey === chosen?.workerKey);
    if (session === undefined) return;
    const { runKey, ordinal } = waiting;
    session.reservedFor = { runKey, ordinal, reservedAt: this.#options.store.now() };
    this.#requests.set(session, waiting);
  }

  async #claim(session: WorkerSession, waiting: Waiting): Promise<void> {
    if (!session.hasRoomFor(waiting.requests)) return;
    this.#options.claiming([waiting.runKey]);
    try {
      await pushClaim(this.#options, { workerKey: session.workerKey, instance: waiting });
    } finally {
      this.#end(session);
    }
  }

  #end(session: WorkerSession): void {
    session.reservedFor = null;
    this.#requests.delete(session);
  }
}

function hasTaken(session: WorkerSession): boolean {
  return [...session.held.values()].some(({ requests }) => requests !== noResources);
}

function isSame(a: QueuedInstance, b: QueuedInstance): boolean {
  return (
    a.runKey === b.runKey && a.ordinal === b.ordinal && a.generation === b.generation && a.tryNumber === b.tryNumber
  );
}
