import type { BreakerChange, BreakerState, BreakerStatus } from "#ports/breaker-status.ts";
import type { Logger } from "#telemetry/logger.ts";

/** So many of the last changes are kept. */
const maxChanges = 50;

const words: Readonly<Record<BreakerState, string>> = {
  closed: "a breaker closed",
  open: "a breaker opened",
  half_open: "a breaker lets some calls through",
};

/** The state of a breaker and how it came to it; each change is told to listeners and logged. */
export class ChangeLog {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #changes: BreakerChange[] = [];
  readonly #listeners = new Set<(change: BreakerChange) => void>();

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  get status(): BreakerStatus {
    return { name: this.#name, state: this.#changes.at(-1)?.state ?? "closed", changes: [...this.#changes] };
  }

  listen(listener: (change: BreakerChange) => void): () => void {
    // A function of its own, so that one listener may listen twice and end each by itself.
    const entry = (change: BreakerChange): void => listener(change);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  add(state: BreakerState, cause: string): void {
    const change = { state, at: Date.now(), cause };
    this.#changes.push(change);
    if (this.#changes.length > maxChanges) this.#changes.shift();
    this.#logger[state === "open" ? "warn" : "info"]({ breaker: this.#name, cause }, words[state]);
    for (const listener of this.#listeners) listener(change);
  }
}
