import { describeError } from "#errors/app-error.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import type { Clock } from "#ports/clock.ts";
import { type KeptKind, keptKinds } from "#ports/retention-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { PacedLoop } from "./paced-loop.ts";
import { removeAged, type RetentionRound } from "./remove-aged.ts";
import { createRemovalBreaker } from "./removal-breaker.ts";
import { type RemovalStore, removeUnlistedFiles } from "./remove-unlisted-files.ts";

const leaseName = "retention";
/** Longer than a batch takes, or files that a store does not remove until it is asked again; it is renewed with each. */
const leaseMs = 300_000;
/** Nothing is kept longer than it should be by more than this share of its time, within these bounds. */
const lateShare = 0.1;
const intervalBoundsMs = { least: 1000, most: 600_000 };

/** How long each kind is kept after the end of its run, in milliseconds; 0: for ever. */
export type Retention = Readonly<Record<KeptKind, number>>;

export interface RetentionLoopOptions {
  readonly store: Pick<Store, "leases" | "retention">;
  /** Null: no files are kept here. */
  readonly artifacts: ArtifactStore | null;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly executorId: string;
}

/** Removes what ended runs have left for longer than it is kept; one executor at a time, by a lease row. */
export class RetentionLoop {
  readonly #options: RetentionLoopOptions;
  readonly #loop: PacedLoop;
  readonly #stopping = new AbortController();
  readonly #files: RemovalStore | null;

  constructor(options: RetentionLoopOptions) {
    this.#options = options;
    const { clock, logger, retention, artifacts } = options;
    this.#files = artifacts === null ? null : { artifacts, breaker: createRemovalBreaker({ clock, logger }) };
    const intervalMs = intervalOf(retention);
    this.#loop = new PacedLoop({ name: "retention", intervalMs, clock, logger, round: () => this.#round() });
  }

  /** What this process has noticed of a store that removes nothing. */
  get breakers(): readonly BreakerStatus[] {
    return this.#files === null ? [] : [this.#files.breaker.status];
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop.stop();
  }

  async #round(): Promise<null> {
    const { store, executorId: holder } = this.#options;
    if (!(await this.#mayGoOn())) return null;
    try {
      await this.#removeAll();
    } finally {
      await store.leases.release({ name: leaseName, holder });
    }
    return null;
  }

  async #removeAll(): Promise<void> {
    const { store, retention, logger } = this.#options;
    const { signal } = this.#stopping;
    const round: RetentionRound = { retention: store.retention, mayGoOn: () => this.#mayGoOn(), signal };
    for (const kind of keptKinds) {
      const retentionMs = retention[kind];
      const rows = retentionMs === 0 ? 0 : await removeAged(round, { kind, retentionMs });
      if (rows > 0) logger.info({ kind, rows, retention_ms: retentionMs }, "removed what ended runs had left");
    }
    if (this.#files === null) return;
    // The places of files that are left stay noted.
    const files = await removeUnlistedFiles(round, this.#files).catch((error: unknown) => {
      logger.warn(
        { error: describeError(error) },
        "files of artifacts can't be removed now; the next round tries again",
      );
      return 0;
    });
    if (files > 0) logger.info({ files }, "removed files that no artifact names");
  }

  async #mayGoOn(): Promise<boolean> {
    const { store, executorId: holder } = this.#options;
    if (this.#stopping.signal.aborted) return false;
    return (await store.leases.acquire({ name: leaseName, holder, ttlMs: leaseMs })) !== null;
  }
}

function intervalOf(retention: Retention): number {
  const shortest = Math.min(...keptKinds.map((kind) => retention[kind]).filter((ms) => ms > 0));
  return Math.max(intervalBoundsMs.least, Math.min(intervalBoundsMs.most, shortest * lateShare));
}
