import type { IBackoff, IBackoffFactory } from "cockatiel";
import type { BreakerPolicy } from "./breaker-options.ts";

/**
 * How long a breaker stays open, told to cockatiel without its wall clock: no time at all once `isOver` says so for the
 * milliseconds that apply, for ever until then.
 */
export class OpenTime implements IBackoffFactory<unknown>, IBackoff<unknown> {
  readonly ms: number;
  readonly #policy: Pick<BreakerPolicy, "openMs" | "longestOpenMs">;
  readonly #isOver: (ms: number) => boolean;

  constructor(
    policy: Pick<BreakerPolicy, "openMs" | "longestOpenMs">,
    isOver: (ms: number) => boolean,
    ms: number = policy.openMs / 2,
  ) {
    this.ms = ms;
    this.#policy = policy;
    this.#isOver = isOver;
  }

  get duration(): number {
    return this.#isOver(this.ms) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** The next time in a row. */
  next(): OpenTime {
    return new OpenTime(this.#policy, this.#isOver, Math.min(this.ms * 2, this.#policy.longestOpenMs));
  }
}
