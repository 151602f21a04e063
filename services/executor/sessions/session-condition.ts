import type { Clock } from "#ports/clock.ts";
import type { TaskCounts, WorkerBeat, WorkerTally } from "#ports/worker-beat.ts";
import type { ResourceUsage } from "#ports/worker-views.ts";

/** Why a worker wants no new work. */
export interface SessionStrain {
  readonly reason: string;
  /** It yields to other workers, and goes on where there are none. */
  readonly yields: boolean;
}

export interface SessionConditionOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** What the worker's row has counted before this session. */
  readonly counts: TaskCounts;
}

/** A worker whose lease was not renewed for this share of it gets no new work: it may be about to lose what it has. */
export const silentShare = 0.5;

/** How a worker is, as its session shows: whether it may have new work, and what its row is to say of it. */
export class SessionCondition {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #renewedAt: number;
  #strain: SessionStrain | null = null;
  #usage: ResourceUsage | null = null;
  /** Null: it is not draining. */
  #drainReason: string | null = null;
  #hasNoticedDrain = false;
  #counts: TaskCounts;
  #lastTaskAt: number | null = null;

  constructor({ clock, leaseMs, counts }: SessionConditionOptions) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#counts = counts;
    this.#renewedAt = clock.now();
  }

  /** What the row's next beat says. */
  get report(): Pick<WorkerBeat, "status" | "statusReason" | "usage"> & WorkerTally {
    const said = { usage: this.#usage, ...this.tally };
    if (this.#drainReason !== null) return { ...said, status: "draining", statusReason: this.#drainReason };
    if (this.#strain !== null) return { ...said, status: "degraded", statusReason: this.#strain.reason };
    return { ...said, status: "healthy", statusReason: "" };
  }

  get tally(): WorkerTally {
    return { counts: this.#counts, lastTaskAt: this.#lastTaskAt };
  }

  /** It has said itself that it drains; an order that it has not taken yet is not enough. */
  get hasNoticedDrain(): boolean {
    return this.#hasNoticedDrain;
  }

  get isOrderedToDrain(): boolean {
    return this.#drainReason !== null;
  }

  /** It wants work whoever else there is. */
  get isWilling(): boolean {
    return this.#strain === null && this.#mayHaveWork;
  }

  /** `isAlone`: nobody else would take what it is offered. */
  acceptsWork(isAlone: () => boolean): boolean {
    if (!this.#mayHaveWork) return false;
    return this.#strain === null || (this.#strain.yields && isAlone());
  }

  get #mayHaveWork(): boolean {
    return this.#drainReason === null && this.#clock.now() - this.#renewedAt <= this.#leaseMs * silentShare;
  }

  noteRenewed(): void {
    this.#renewedAt = this.#clock.now();
  }

  noteBeat(strain: SessionStrain | null, usage: ResourceUsage | null): void {
    this.#strain = strain;
    this.#usage = usage;
  }

  noteDrain(reason: string): void {
    this.#drainReason ??= reason;
    this.#hasNoticedDrain = true;
  }

  orderDrain(reason: string): void {
    this.#drainReason = reason;
  }

  /** An attempt of it has ended, by the store's clock. */
  noteTask(kind: keyof TaskCounts, at: number): void {
    this.#counts = { ...this.#counts, [kind]: this.#counts[kind] + 1 };
    this.#lastTaskAt = at;
  }
}
