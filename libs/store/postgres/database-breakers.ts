import { defaultPolicies } from "#breakers/default-policies.ts";
import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import { type CircuitBreaker, createBreaker } from "#breakers/circuit-breaker.ts";
import { RecoveryWatch } from "#breakers/recovery-watch.ts";
import { systemClock } from "#clock/system-clock.ts";
import { AppError } from "#errors/app-error.ts";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Database } from "./database.ts";
import { isDatabaseTrouble } from "./database-errors.ts";
import { databaseAnswers } from "./database-probe.ts";
import { type StatementKind, statementKind } from "./statement-kind.ts";

/** The breakers of one process's database, one a kind of statement, and the probe that ends their waiting. */
export interface DatabaseBreakers {
  readonly statuses: readonly BreakerStatus[];
  /** The same database; what is asked of it passes the breaker of its kind. A transaction is a write. */
  guard(database: Database): Database;
  close(): void;
}

export function createDatabaseBreakers(options: {
  readonly connectionString: string;
  readonly policy?: BreakerPolicy;
  readonly logger: Logger;
}): DatabaseBreakers {
  const { connectionString, logger, policy = defaultPolicies.database } = options;
  const create = (kind: StatementKind): CircuitBreaker =>
    createBreaker({
      name: `database ${kind}`,
      policy,
      isFailure: isDatabaseTrouble,
      refuse: (cause, retryInMs) =>
        new AppError("DATABASE_UNAVAILABLE", `the database is left alone until it answers again: ${cause}`, {
          details: { retry_in_ms: retryInMs },
        }),
      clock: systemClock,
      logger,
    });
  const breakers = { read: create("read"), write: create("write"), admin: create("admin") };
  const all = Object.values(breakers);
  const watch = new RecoveryWatch({
    breakers: all,
    look: () => databaseAnswers(connectionString),
    longestPauseMs: policy.openMs,
    clock: systemClock,
  });
  return {
    get statuses() {
      return all.map(({ status }) => status);
    },
    guard: (database) => ({
      query: (statement, values) => breakers[statementKind(statement)].run(() => database.query(statement, values)),
      transaction: (work) => breakers.write.run(() => database.transaction(work)),
    }),
    close: () => watch.close(),
  };
}
