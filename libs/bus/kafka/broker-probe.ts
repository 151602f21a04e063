import { describeError } from "#errors/app-error.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { StateHolder } from "../state-holder.ts";
import { rootOf } from "./kafka-errors.ts";

/** Asks the brokers at a steady pace, and at once when someone had trouble, and keeps the state by what they answer. */
export class BrokerProbe {
  readonly #ask: () => Promise<void>;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #holder: StateHolder;
  #timer: Timer | null = null;
  #isAsking = false;
  #isEnded = false;

  constructor(options: { ask: () => Promise<void>; intervalMs: number; clock: Clock; holder: StateHolder }) {
    this.#ask = options.ask;
    this.#intervalMs = options.intervalMs;
    this.#clock = options.clock;
    this.#holder = options.holder;
    void this.#look();
  }

  hurry(): void {
    if (!this.#isAsking) void this.#look();
  }

  end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    this.#timer?.cancel();
    this.#isAsking = true;
    const failure = await this.#ask().then(
      () => null,
      (thrown: unknown) => ({ cause: describeError(rootOf(thrown)) }),
    );
    this.#isAsking = false;
    if (this.#isEnded) return;
    if (failure === null) this.#holder.connected();
    else this.#holder.down(failure.cause);
    this.#timer = this.#clock.after(this.#intervalMs, () => void this.#look());
  }
}
