import { describeError } from "#errors/app-error.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";

export interface PacedLoopOptions {
  readonly name: string;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One round; answers in how many milliseconds it wants the next, or null for the interval. */
  readonly round: () => Promise<number | null>;
}

const failureDelayMs = { first: 100, most: 5000 };

/** Repeats a round: at its interval, sooner when poked, one at a time, with back-off after a failure. */
export class PacedLoop {
  readonly #options: PacedLoopOptions;
  #timer: Timer | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  #isRunning = false;
  #isStopped = true;
  #pokedInMs: number | null = null;
  #failures = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: PacedLoopOptions) {
    this.#options = options;
  }

  get isHealthy(): boolean {
    return this.#failures === 0;
  }

  start(): void {
    this.#isStopped = false;
    this.pokeIn(0);
  }

  /** Asks for a round in at most `ms` milliseconds. */
  pokeIn(ms: number): void {
    if (this.#isStopped) return;
    if (this.#isRunning) {
      this.#pokedInMs = Math.min(this.#pokedInMs ?? ms, ms);
      return;
    }
    const at = this.#options.clock.now() + ms;
    if (at >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = at;
    this.#timer = this.#options.clock.after(ms, () => void this.#run());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    if (this.#isRunning) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#timer = null;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const nextInMs = await this.#round();
    this.#isRunning = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
    const poked = this.#pokedInMs;
    this.#pokedInMs = null;
    this.pokeIn(Math.min(nextInMs, poked ?? nextInMs));
  }

  async #round(): Promise<number> {
    const { name, intervalMs, logger, round } = this.#options;
    try {
      const wished = await round();
      this.#failures = 0;
      return Math.min(intervalMs, wished ?? intervalMs);
    } catch (error) {
      const delayMs = Math.min(failureDelayMs.first * 2 ** this.#failures, failureDelayMs.most);
      this.#failures += 1;
      logger.warn({ loop: name, error: describeError(error), delay_ms: delayMs }, "a round failed and is tried again");
      return delayMs;
    }
  }
}
