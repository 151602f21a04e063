/** How long an outcome waits for its acknowledgement before it is written, at least and at most, in milliseconds. */
const bounds = { least: 10, most: 250 };
const timesTheUsual = 3;
/** How much the newest acknowledgement counts. */
const weight = 0.1;

/**
 * When an acknowledgement is late. Most come before a write would be done (about 2 ms with its fsync), and under load they
 * come in batches: a file for each outcome that is only waiting its turn would slow down what it waits for.
 */
export class SpoolPatience {
  #usualMs = 0;

  /** Milliseconds. */
  get ms(): number {
    return Math.min(bounds.most, Math.max(bounds.least, timesTheUsual * this.#usualMs));
  }

  /** One was acknowledged after so many milliseconds. */
  note(waitedMs: number): void {
    this.#usualMs += weight * (Math.min(waitedMs, bounds.most) - this.#usualMs);
  }
}
