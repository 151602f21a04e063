import { describeError } from "#errors/app-error.ts";
import type { FeedAttempt, FeedLogLine, RunFeed } from "./run-feed.ts";

export interface LogFollowerOptions {
  readonly feed: RunFeed;
  readonly onLines: (taskId: string, lines: readonly FeedLogLine[]) => void;
}

/** Reads the logs of attempts as they start, each from its first line to its end, a bounded number at once. */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #stopper = new AbortController();
  readonly #waiting: FeedAttempt[] = [];
  readonly #active = new Set<Promise<void>>();
  #lastSignOfLifeAt = 0;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
  }

  follow(attempt: FeedAttempt): void {
    this.#waiting.push(attempt);
    this.#startNext();
  }

  /** Resolves when every log has been read to its end; gives up what is left once nothing came for `quietMs`. */
  async finish(quietMs: number): Promise<void> {
    const timer = setInterval(() => {
      if (performance.now() - this.#lastSignOfLifeAt > quietMs) this.stop();
    }, quietMs / 10);
    this.#lastSignOfLifeAt = performance.now();
    while (this.#active.size > 0) await Promise.race(this.#active);
    clearInterval(timer);
  }

  stop(): void {
    this.#waiting.length = 0;
    this.#stopper.abort();
  }

  #startNext(): void {
    while (this.#active.size < this.#options.feed.maxConcurrentLogs) {
      const attempt = this.#waiting.shift();
      if (attempt === undefined) return;
      const reading: Promise<void> = this.#read(attempt).finally(() => {
        this.#active.delete(reading);
        this.#lastSignOfLifeAt = performance.now();
        this.#startNext();
      });
      this.#active.add(reading);
    }
  }

  async #read(attempt: FeedAttempt): Promise<void> {
    const { feed, onLines } = this.#options;
    try {
      for await (const lines of feed.logs(attempt, this.#stopper.signal)) {
        this.#lastSignOfLifeAt = performance.now();
        onLines(attempt.taskId, lines);
      }
    } catch (thrown) {
      if (this.#stopper.signal.aborted) return;
      onLines(attempt.taskId, [{ source: "system", text: `its log can't be read: ${describeError(thrown)}` }]);
    }
  }
}
