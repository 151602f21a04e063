import type { Clock, Timer } from "#ports/clock.ts";
import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { encodeOutcomeFile } from "./outcome-file.ts";
import type { OutcomeFolder } from "./outcome-folder.ts";
import type { OutcomeSpool, SpooledOutcome } from "./outcome-spool.ts";
import { SpoolPatience } from "./spool-patience.ts";

const retryMs = 5000;
const writesAtOnce = 2;
const writesPerSync = 64;

export interface DiskSpoolOptions {
  readonly folder: OutcomeFolder;
  /** What the folder holds already. */
  readonly outcomes: readonly SpooledOutcome[];
  readonly clock: Pick<Clock, "after" | "now">;
  readonly logger: Logger;
}

/**
 * Keeps outcomes in memory and, while they wait, on disk: they survive the end of the process. An outcome is sent at once and
 * written when its acknowledgement is late. A worker that dies before is a lost worker; nothing was promised of the
 * attempt yet.
 */
export class DiskSpool implements OutcomeSpool {
  readonly #options: DiskSpoolOptions;
  readonly #kept: Map<string, SpooledOutcome>;
  /** Those with a file, or one that is being written. */
  readonly #filed: Set<string>;
  /** When each of the others is to be written. */
  readonly #dueAt = new Map<string, number>();
  /** When each came, of those that did not come with the folder. */
  readonly #since = new Map<string, number>();
  readonly #patience = new SpoolPatience();
  #timer: Timer | null = null;
  #timerAt = 0;
  #work: Promise<void> = Promise.resolve();
  #problem: string | null = null;
  #isClosed = false;

  constructor(options: DiskSpoolOptions) {
    this.#options = options;
    this.#kept = new Map(options.outcomes.map((outcome) => [outcome.key, outcome]));
    this.#filed = new Set(this.#kept.keys());
  }

  /** Why outcomes are kept in memory alone; null: they are not. */
  get problem(): string | null {
    return this.#problem;
  }

  list(): readonly SpooledOutcome[] {
    return [...this.#kept.values()];
  }

  put(outcome: SpooledOutcome): void {
    this.#kept.set(outcome.key, outcome);
    const since = this.#options.clock.now();
    const { ms } = this.#patience;
    this.#since.set(outcome.key, since);
    this.#dueAt.set(outcome.key, since + ms);
    this.#schedule(ms);
  }

  remove(key: string): void {
    this.#kept.delete(key);
    this.#dueAt.delete(key);
    const since = this.#since.get(key);
    if (since !== undefined) this.#patience.note(this.#options.clock.now() - since);
    this.#since.delete(key);
    if (!this.#filed.has(key)) return;
    this.#work = this.#work
      .then(() => this.#discard(key))
      // A file that stays is offered by the next start, and then settled.
      .catch((error: unknown) =>
        this.#options.logger.warn({ error: describeError(error) }, "an outcome's file was not removed"),
      );
  }

  /** Resolves when everything that is kept is on disk, or can't be written. The spool is used no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#work = this.#work.then(() => this.#flush());
    await this.#work;
  }

  #schedule(ms: number): void {
    const at = this.#options.clock.now() + ms;
    if (this.#isClosed || (this.#timer !== null && this.#timerAt <= at)) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#options.clock.after(ms, () => {
      this.#timer = null;
      this.#work = this.#work.then(() => this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const { folder, logger } = this.#options;
    try {
      for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
        await this.#writeAll(batch);
        await folder.sync();
      }
      if (this.#problem !== null) logger.info("no outcome waits for the disk any more");
      this.#problem = null;
      // Those that came last are looked at once more; mostly they are acknowledged by then.
      if (this.#dueAt.size > 0)
        this.#schedule(Math.max(0, Math.min(...this.#dueAt.values()) - this.#options.clock.now()));
    } catch (thrown) {
      const error = describeError(thrown);
      if (this.#problem === null) logger.error({ error }, "outcomes can't be written: they are kept in memory alone");
      this.#problem = error;
      this.#schedule(retryMs);
    }
  }

  #nextBatch(): readonly SpooledOutcome[] {
    const now = this.#isClosed ? Number.POSITIVE_INFINITY : this.#options.clock.now();
    const due = [...this.#dueAt].filter(([, at]) => at <= now).slice(0, writesPerSync);
    return due.flatMap(([key]) => this.#kept.get(key) ?? []);
  }

  async #writeAll(batch: readonly SpooledOutcome[]): Promise<void> {
    const waiting = batch.values();
    const writeSome = async (): Promise<void> => {
      for (const outcome of waiting) if (this.#kept.has(outcome.key)) await this.#write(outcome);
    };
    const results = await Promise.allSettled(Array.from({ length: writesAtOnce }, writeSome));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #write(outcome: SpooledOutcome): Promise<void> {
    const { key } = outcome;
    this.#filed.add(key);
    try {
      await this.#options.folder.write(key, encodeOutcomeFile(outcome));
    } catch (error) {
      this.#filed.delete(key);
      throw error;
    }
    this.#dueAt.delete(key);
    if (!this.#kept.has(key)) await this.#discard(key);
  }

  async #discard(key: string): Promise<void> {
    this.#filed.delete(key);
    await this.#options.folder.remove(key);
  }
}
