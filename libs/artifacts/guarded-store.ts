import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import { createBreaker } from "#breakers/circuit-breaker.ts";
import { AppError } from "#errors/app-error.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Clock } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";

export interface StoreGuard {
  readonly policy: BreakerPolicy;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly logger: Logger;
}

/**
 * The store behind a breaker: one that has failed too often is left alone for a while, and says so at once. Removals and lists
 * stand beside it: they have a pace of their own, and a file that is locked tells nothing of those that tasks leave and read.
 */
export function guardStore(store: ArtifactStore, name: string, guard: StoreGuard): ArtifactStore {
  const breaker = createBreaker({
    ...guard,
    name,
    // What comes from a task, or through a session that ends, is no trouble of the store.
    isFailure: (error) => error instanceof AppError && error.code === "ARTIFACT_STORE_UNAVAILABLE",
    refuse: (cause, retryInMs) =>
      new AppError("ARTIFACT_STORE_UNAVAILABLE", `the ${name} is left alone for ${retryInMs} ms more: ${cause}`, {
        details: { retry_in_ms: retryInMs },
      }),
  });
  return {
    get breakers() {
      return [breaker.status];
    },
    write: (location, content, size) => breaker.run(() => store.write(location, content, size)),
    read: (location, range) => breaker.run(() => store.read(location, range)),
    remove: (location) => store.remove(location),
    list: (after) => store.list(after),
  };
}
