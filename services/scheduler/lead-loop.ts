import { AppError } from "#errors/app-error.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { EvaluationResult } from "./evaluate-schedules.ts";
import {
  initialLeaderState,
  type LeaderEffect,
  type LeaderEvent,
  type LeaderState,
  nextTimerAt,
  stepLeader,
} from "./leader-step.ts";

/** The row that schedulers lead by. */
const leaseName = "scheduler";

export interface LeadLoopOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly schedulerId: string;
  readonly leaseMs: number;
  readonly pollingIntervalMs: number;
  /** One look at the schedules with the leader's epoch; ends early when the signal is aborted. */
  readonly evaluate: (epoch: number, signal: AbortSignal) => Promise<EvaluationResult>;
  readonly logger: Logger;
}

/** Runs `stepLeader`: performs its effects and feeds their results, wakes and the timer back to it. Starts at once. */
export class LeadLoop {
  readonly #options: LeadLoopOptions;
  readonly #stopping = new AbortController();
  readonly #released = Promise.withResolvers<undefined>();
  readonly #unlisten: readonly (() => void)[];
  #state: LeaderState;
  #timer: Timer | null = null;
  #leaseError: string | null = null;

  constructor(options: LeadLoopOptions) {
    this.#options = options;
    this.#state = initialLeaderState(options.clock.now());
    const wake = (): void => this.#handle({ kind: "woken" });
    this.#unlisten = [options.store.wake.listen("schedules", wake), options.store.wake.listen("definitions", wake)];
    this.#handle({ kind: "timer" });
  }

  /** Null: it does not lead. */
  get epoch(): number | null {
    return this.#state.epoch;
  }

  /** Why the last lease request got no answer; null when it got one. */
  get leaseError(): string | null {
    return this.#leaseError;
  }

  /** Ends what is under way and gives the lease back; resolves when that is done, at the latest after a lease. */
  async stop(): Promise<void> {
    const { leaseMs, clock, logger } = this.#options;
    for (const end of this.#unlisten) end();
    this.#stopping.abort();
    this.#handle({ kind: "stop" });
    await withDeadline(clock, this.#released.promise, leaseMs).catch(() => {
      logger.warn("stopped before the database answered; another scheduler leads when the lease is over");
    });
  }

  #handle(event: LeaderEvent): void {
    const { clock } = this.#options;
    const now = clock.now();
    const [next, effects] = stepLeader(this.#state, event, now, this.#options);
    this.#logChange(next.epoch);
    this.#state = next;
    this.#timer?.cancel();
    if (!next.isStopping) {
      this.#timer = clock.after(Math.ceil(nextTimerAt(next, now) - now), () => this.#handle({ kind: "timer" }));
    }
    for (const effect of effects) void this.#perform(effect);
  }

  #logChange(epoch: number | null): void {
    if (epoch === this.#state.epoch) return;
    if (epoch === null) this.#options.logger.info({ epoch: this.#state.epoch }, "leads no more");
    else this.#options.logger.info({ epoch }, "leads");
  }

  async #perform(effect: LeaderEffect): Promise<void> {
    switch (effect.kind) {
      case "request_lease":
        return this.#handle(await this.#requestLease());
      case "evaluate":
        return this.#handle(await this.#evaluate(effect.epoch));
      case "release_lease":
        return this.#release();
    }
  }

  async #requestLease(): Promise<LeaderEvent> {
    const { store, clock, schedulerId, leaseMs, logger } = this.#options;
    try {
      const request = store.leases.acquire({ name: leaseName, holder: schedulerId, ttlMs: leaseMs });
      const lease = await withDeadline(clock, request, leaseMs);
      this.#leaseError = null;
      return lease === null ? { kind: "lease_refused" } : { kind: "lease_granted", epoch: lease.epoch };
    } catch (thrown) {
      if (this.#leaseError === null) logger.warn({ err: thrown }, "could not ask for the lease, trying again");
      this.#leaseError = AppError.from(thrown).message;
      return { kind: "lease_failed" };
    }
  }

  async #evaluate(epoch: number): Promise<LeaderEvent> {
    try {
      const result = await this.#options.evaluate(epoch, this.#stopping.signal);
      return result.kind === "deposed" ? { kind: "deposed", epoch } : { kind: "evaluated", nextInMs: result.nextInMs };
    } catch (thrown) {
      this.#options.logger.warn({ err: thrown }, "could not look at the schedules, trying again");
      return { kind: "evaluation_failed" };
    }
  }

  async #release(): Promise<void> {
    const { store, schedulerId, logger } = this.#options;
    try {
      await store.leases.release({ name: leaseName, holder: schedulerId });
    } catch (thrown) {
      logger.warn({ err: thrown }, "could not give the lease back; another scheduler leads when it is over");
    }
    this.#released.resolve(undefined);
  }
}

/** The promise's result, or TIMEOUT. */
function withDeadline<T>(clock: Clock, promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () =>
      reject(new AppError("TIMEOUT", `no answer from the database within ${timeoutMs} ms`)),
    );
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
