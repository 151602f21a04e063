import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Database } from "./database.ts";

/** Most looks find this month and the one to come, and lock nothing. */
const look = {
  name: "look_for_partitions",
  text: `SELECT bool_or(to_regclass('outbox' || suffix) IS NULL OR to_regclass('log_chunks' || suffix) IS NULL) AS is_missing
    FROM (SELECT to_char((now() + make_interval(months => step)) AT TIME ZONE 'UTC', '_YYYY_MM') AS suffix
      FROM generate_series(0, 1) step) months`,
};

/** Processes that start together wait for each other; who comes later finds all there. */
const lock = { name: "lock_partitions", text: "SELECT pg_advisory_xact_lock(7265002)" };
const ensure = { name: "ensure_partitions", text: "SELECT ensure_partitions()" };
const listEmpty = { name: "list_empty_partitions", text: "SELECT parent, partition FROM empty_partitions()" };
const dropEmpty = {
  name: "drop_empty_partition",
  text: "SELECT drop_partition_if_empty($1, $2) AS is_dropped WHERE to_regclass($2) IS NOT NULL AND pg_try_advisory_xact_lock(7265002)",
};

const intervalMs = 6 * 3_600_000;

/** Keeps the partitions of the months to come, and drops those that retention has emptied; answers what ends it. */
export async function keepPartitions(database: Database, logger: Logger): Promise<() => void> {
  const keep = (): Promise<void> =>
    makeMissing(database).catch((error: unknown) => {
      // Two months are ahead, so that the next look is in time.
      logger.warn({ error: describeError(error) }, "the partitions of the coming months could not be made yet");
    });
  const drop = (): Promise<void> =>
    dropEmptied(database, logger).catch((error: unknown) => {
      // Where the table is in use for longer than the short wait, a later look finds it free.
      logger.debug({ error: describeError(error) }, "an empty partition could not be dropped yet");
    });
  await keep();
  void drop();
  const timer = setInterval(() => void keep().then(drop), intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function makeMissing(database: Database): Promise<void> {
  const [found] = await database.query<{ is_missing: boolean }>(look, []);
  if (found === undefined || !found.is_missing) return;
  await database.transaction(async (transaction) => {
    void transaction.query(lock, []);
    await transaction.query(ensure, []);
  });
}

/** An empty month costs every plan and every vacuum a little, for ever. */
async function dropEmptied(database: Database, logger: Logger): Promise<void> {
  for (const { parent, partition } of await database.query<{ parent: string; partition: string }>(listEmpty, [])) {
    const [dropped] = await database.query<{ is_dropped: boolean }>(dropEmpty, [parent, partition]);
    if (dropped?.is_dropped === true) logger.info({ partition }, "dropped a partition that nothing was left of");
  }
}
