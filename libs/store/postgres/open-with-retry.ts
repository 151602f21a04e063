import { setTimeout as delay } from "node:timers/promises";
import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import type { Plan } from "#core/plan.ts";
import { describeError } from "#errors/app-error.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { CacheLimits } from "../changes/cache-limits.ts";
import { isConnectionError } from "./database-errors.ts";
import { migrate } from "./migrate.ts";
import { openPostgresStore } from "./postgres-store.ts";

const firstPauseMs = 250;
const longestPauseMs = 10_000;

/**
 * Applies the missing migrations and opens the store. While the database is away it logs, waits (doubling, with jitter)
 * and tries again without an end: a service waits for its database, it does not die of it. Rejects with the signal's
 * reason when that aborts, and with what waiting can't cure, e.g. `DATABASE_UNSAFE`.
 */
export async function openStoreWithRetry(options: {
  connectionString: string;
  poolerUrl?: string | null;
  poolSize: number;
  toPlan: (definition: unknown) => Plan;
  /** Accept a server that may lose what it acknowledged. */
  unsafe?: boolean;
  breaker?: BreakerPolicy;
  cache?: CacheLimits;
  logger: Logger;
  signal: AbortSignal;
}): Promise<Store> {
  const { signal, logger, ...storeOptions } = options;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal.throwIfAborted();
    try {
      await migrate({ connectionString: options.connectionString, logger });
      return await openPostgresStore({ ...storeOptions, logger });
    } catch (thrown) {
      if (!isConnectionError(thrown)) throw thrown;
      const waitMs = Math.round(pauseMs * (0.75 + Math.random() / 2));
      logger.warn({ error: describeError(thrown), retry_in_ms: waitMs }, "the database is away, trying again");
      await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
