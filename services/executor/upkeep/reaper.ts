import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { silentShare } from "../sessions/session-condition.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

/** A worker kills its attempts before its lease ends; this much later they are certainly gone (G4). */
const leaseMarginShare = 0.1;
const maxAttemptsPerScan = 1000;
/** An observer that was itself late by this share of a lease judges nobody (G11). */
const lateScanShare = 1 / 3;

export interface ReaperOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workerLeaseMs: number;
  readonly scanIntervalMs: number;
  /** Ends the session of a worker that is lost, if it is here: the worker must begin a new one. */
  readonly endSession: (workerKey: number) => void;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
}

/**
 * Declares workers lost whose lease is over (G10), then gives their attempts up. The row is marked first, guarded by its
 * lease: from then on it refuses beats, so that nobody is both alive and reaped.
 */
export class Reaper {
  readonly #options: ReaperOptions;
  #lastScanAt: number | null = null;

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  async scan(): Promise<null> {
    const { store, clock, logger, workerLeaseMs } = this.#options;
    if (this.#wasLate(clock.now())) {
      logger.warn("this process was held up; it judges no worker in this scan");
      return null;
    }
    await store.workers.markSilent(workerLeaseMs * silentShare);
    const lost = await store.workers.markLost(Math.ceil(workerLeaseMs * leaseMarginShare));
    for (const { workerKey } of lost) this.#options.endSession(workerKey);
    for (const { workerId } of lost)
      logger.warn({ worker_id: workerId }, "the worker's lease is over: it is lost and its attempts go elsewhere");
    await this.#giveUpAttempts();
    return null;
  }

  #wasLate(now: number): boolean {
    const { scanIntervalMs, workerLeaseMs } = this.#options;
    const lateness = this.#lastScanAt === null ? 0 : now - this.#lastScanAt - scanIntervalMs;
    this.#lastScanAt = now;
    return lateness > workerLeaseMs * lateScanShare;
  }

  async #giveUpAttempts(): Promise<void> {
    const { store, submit } = this.#options;
    const held = await store.runs.listHeldByLostWorkers(maxAttemptsPerScan);
    await Promise.all(
      held.map(({ runKey, ordinal, fence }) =>
        submit({ runKey, event: { kind: "lost", ordinal, fence, free: false }, freesSlotOf: null }),
      ),
    );
  }
}
