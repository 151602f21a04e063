import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import { createBreaker, type CircuitBreaker } from "#breakers/circuit-breaker.ts";
import { AppError } from "#errors/app-error.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";

/** A round of removals, of which there is one in ten minutes at least, tries one file when the time is over. Removals may be slow. */
const policy: BreakerPolicy = {
  opens: { failureRatio: 1, calls: 1 },
  openMs: 60_000,
  longestOpenMs: 600_000,
  halfOpen: { failureRatio: 1, calls: 1, windowMs: 3_600_000 },
  slowCallMs: { closed: 3_600_000, halfOpen: 3_600_000 },
};

/** Open while the store of artifacts removes nothing at all. One file that it does not remove is no call of it. */
export function createRemovalBreaker(options: { readonly clock: Clock; readonly logger: Logger }): CircuitBreaker {
  return createBreaker({
    ...options,
    name: "removal of files",
    policy,
    isFailure: () => true,
    refuse: (cause, retryInMs) =>
      new AppError("ARTIFACT_STORE_UNAVAILABLE", `the store of artifacts removes nothing: ${cause}`, {
        details: { retry_in_ms: retryInMs },
      }),
  });
}
