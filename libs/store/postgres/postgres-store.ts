import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import type { Plan } from "#core/plan.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { ampleCache, type CacheLimits, slimCache } from "../changes/cache-limits.ts";
import { createArtifactRepository } from "./artifact-repository.ts";
import { createBackfillRepository } from "./backfill-repository.ts";
import { createConsistencyRepository } from "./consistency-repository.ts";
import { openDatabases, verifyDatabase } from "./database.ts";
import { startDatabaseClock } from "./database-clock.ts";
import { createDeadLetterRepository } from "./dead-letter-repository.ts";
import { createDefinitionRepository } from "./definition-repository.ts";
import { createEventLog } from "./event-log.ts";
import { createLeaseRepository } from "./lease-repository.ts";
import { createLimitRepository } from "./limit-repository.ts";
import { createLogRepository } from "./log-repository.ts";
import { keepPartitions } from "./partitions.ts";
import { createQueries } from "./queries.ts";
import { createRetentionRepository } from "./retention-repository.ts";
import { RunLoader } from "./runs/run-loader.ts";
import { createRunRepository } from "./runs/run-repository.ts";
import { createSensorRepository } from "./sensor-repository.ts";
import { verifyPooledSessions } from "./session-settings.ts";
import { createTemplateRepository } from "./template-repository.ts";
import { createWaitRepository } from "./wait-repository.ts";
import { createWake } from "./wake.ts";
import { createWorkerRepository } from "./worker-repository.ts";

/**
 * All state in PostgreSQL, whose tables `migrate` has made. `poolSize` connections, and one for hints. Errors:
 * `DATABASE_UNAVAILABLE`, `DATABASE_UNSAFE` when the server may lose what it acknowledged, unless `unsafe`, and
 * `INVALID_CONFIG` when a pooler's sessions lack their limits.
 */
export async function openPostgresStore(options: {
  /** The server itself: hints need a session of their own. */
  connectionString: string;
  /** A pooler in transaction mode before the same database, which statements go through. */
  poolerUrl?: string | null;
  poolSize: number;
  toPlan: (definition: unknown) => Plan;
  logger: Logger;
  unsafe?: boolean;
  breaker?: BreakerPolicy;
  cache?: CacheLimits;
}): Promise<Store> {
  const { connectionString, poolerUrl = null, toPlan, logger, cache = ampleCache } = options;
  const isPooled = poolerUrl !== null;
  const databases = openDatabases({ ...options, connectionString: poolerUrl ?? connectionString, isPooled });
  const { ordinary, hot } = databases;
  const closers: (() => void | Promise<void>)[] = [() => databases.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    await verifyDatabase(ordinary, options.unsafe ?? false);
    if (isPooled) await verifyPooledSessions(ordinary);
    const clock = await startDatabaseClock(ordinary);
    closers.push(() => clock.close());
    closers.push(await keepPartitions(ordinary, logger));
    const wake = await createWake({ connectionString, logger });
    closers.push(() => wake.close());
    const loader = new RunLoader(toPlan, cache.tasks);
    // A check believes nothing that the process remembers.
    const checking = new RunLoader(toPlan, slimCache.tasks);
    return {
      definitions: createDefinitionRepository({ database: ordinary, wake }),
      templates: createTemplateRepository({ database: ordinary, wake }),
      runs: createRunRepository({ database: hot, loader, wake, now: () => clock.now(), cache }),
      workers: createWorkerRepository({ database: hot, wake }),
      leases: createLeaseRepository(ordinary),
      backfills: createBackfillRepository({ database: ordinary, loader, wake }),
      sensors: createSensorRepository({ database: ordinary, wake }),
      events: createEventLog({ database: hot, wake }),
      limits: createLimitRepository({ database: ordinary, wake }),
      logs: createLogRepository({ database: ordinary, wake }),
      artifacts: createArtifactRepository(ordinary),
      deadLetters: createDeadLetterRepository(ordinary),
      queries: createQueries({
        database: ordinary,
        planOf: (versionKey) => loader.plan(ordinary, versionKey),
        now: () => clock.now(),
      }),
      consistency: createConsistencyRepository({ database: ordinary, loader: checking, wake, connectionString }),
      waits: createWaitRepository(ordinary),
      retention: createRetentionRepository(hot),
      wake,
      get breakers() {
        return databases.breakers;
      },
      now: () => clock.now(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
