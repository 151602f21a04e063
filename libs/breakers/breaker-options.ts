import type { AppError } from "#errors/app-error.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";

/** When a breaker opens, for how long, and what closes it again. Ratios are shares of the calls, from 0 to 1. */
export interface BreakerPolicy {
  /** It opens when this share of so many last calls failed, or more. */
  readonly opens: { readonly failureRatio: number; readonly calls: number };
  /** The first time in a row that it is open; each further time is twice as long, up to the longest. */
  readonly openMs: number;
  readonly longestOpenMs: number;
  /**
   * Half open, it lets so many calls through and closes when a smaller share of them failed. When the window is over it
   * decides by those that have answered. Others wait for the decision.
   */
  readonly halfOpen: { readonly failureRatio: number; readonly calls: number; readonly windowMs: number };
  /** A call that takes longer has failed, while the breaker is closed and while it is half open. */
  readonly slowCallMs: { readonly closed: number; readonly halfOpen: number };
}

export interface BreakerOptions {
  /** What it guards: `database read`. */
  readonly name: string;
  readonly policy: BreakerPolicy;
  /** Whether an error says that what is called is in trouble; else it answered, and the call was wrong. */
  readonly isFailure: (error: unknown) => boolean;
  /** What a call is refused with while the breaker is open. It gets the cause, and the milliseconds until the next try. */
  readonly refuse: (cause: string, retryInMs: number) => AppError;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly logger: Logger;
}
