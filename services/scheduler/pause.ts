import type { Clock, Timer } from "#ports/clock.ts";

/** A wait that hints cut short, but not below its least length. */
export class Pause {
  readonly #clock: Clock;
  #isWoken = false;
  #isEnded = false;
  #proceed: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#isWoken = true;
    this.#proceed?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#proceed?.();
  }

  async wait({ atLeastMs, atMostMs }: { atLeastMs: number; atMostMs: number }): Promise<void> {
    await this.#sleep(atLeastMs, () => this.#isEnded);
    if (atMostMs > atLeastMs) await this.#sleep(atMostMs - atLeastMs, () => this.#isEnded || this.#isWoken);
    this.#isWoken = false;
  }

  #sleep(ms: number, isOver: () => boolean): Promise<void> {
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const proceed = (): void => {
        if (!isOver()) return;
        timer.cancel();
        this.#proceed = null;
        resolve();
      };
      const timer: Timer = this.#clock.after(ms, () => {
        this.#proceed = null;
        resolve();
      });
      this.#proceed = proceed;
    });
  }
}
