import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Database } from "./database.ts";

/** Most looks find the months to come and lock nothing. */
const look = {
  name: "look_for_partitions",
  text: `SELECT to_regclass('outbox' || suffix) IS NULL OR to_regclass('log_chunks' || suffix) IS NULL AS is_missing
    FROM (SELECT to_char((now() + interval '1 month') AT TIME ZONE 'UTC', '_YYYY_MM') AS suffix) next_month`,
};

/** Processes that start together wait for each other; who comes later finds all there. */
const lock = { name: "lock_partitions", text: "SELECT pg_advisory_xact_lock(7265002)" };
const ensure = { name: "ensure_partitions", text: "SELECT ensure_partitions()" };

const intervalMs = 6 * 3_600_000;

/** Keeps the partitions of the months to come; answers the function that ends it. */
export async function keepPartitions(database: Database, logger: Logger): Promise<() => void> {
  const keep = (): Promise<void> =>
    makeMissing(database).catch((error: unknown) => {
      // Two months are ahead, so that the next look is in time.
      logger.warn({ error: describeError(error) }, "the partitions of the coming months could not be made yet");
    });
  await keep();
  const timer = setInterval(() => void keep(), intervalMs);
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
