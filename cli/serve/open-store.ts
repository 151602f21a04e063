import { toBreakerPolicy } from "#config/breaker-settings.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { Plan } from "#core/plan.ts";
import type { Definition } from "#definition/model.ts";
import { planOf } from "#definition/plan-of.ts";
import { shareEqualParts } from "#definition/share-equal-parts.ts";
import { AppError } from "#errors/app-error.ts";
import type { Store } from "#ports/store.ts";
import { ampleCache, type CacheLimits } from "#store/changes/cache-limits.ts";
import { openStoreWithRetry } from "#store/postgres/open-with-retry.ts";
import type { Logger } from "#telemetry/logger.ts";

/** The rules' view of a stored definition. */
export function toPlan(definition: unknown): Plan {
  return planOf(shareEqualParts(definition as Definition));
}

/** The address of the database that several processes share; only `dev` brings its own. */
export function sharedDatabaseUrl(settings: Settings): string {
  if (settings.database.url !== null) return settings.database.url;
  const message =
    "DATABASE_URL is not set; services in processes of their own share one PostgreSQL (`millrace dev` brings its own)";
  throw new AppError("INVALID_CONFIG", message);
}

/** The migrated database of `connectionString`, however long it takes to answer. */
export function openStore(
  connectionString: string,
  {
    settings,
    isUnsafe,
    logger,
    signal,
    cache = ampleCache,
  }: { settings: Settings; isUnsafe: boolean; logger: Logger; signal: AbortSignal; cache?: CacheLimits },
): Promise<Store> {
  const { url, poolerUrl } = settings.database;
  if (poolerUrl !== null && url === null)
    throw new AppError(
      "INVALID_CONFIG",
      "database.pooler_url is set and database.url is not; hints and migrations go to the server itself, so name both",
    );
  return openStoreWithRetry({
    connectionString,
    poolerUrl,
    poolSize: settings.database.pool.max,
    breaker: toBreakerPolicy(settings.breakers.database),
    toPlan,
    unsafe: isUnsafe,
    logger,
    signal,
    cache,
  });
}
