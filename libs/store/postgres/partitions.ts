import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Database } from "./database.ts";

/** Only the months that are missing are made, so most looks lock nothing. */
const ensurePartitions = {
  name: "ensure_partitions",
  text: `SELECT CASE WHEN to_regclass('outbox' || suffix) IS NULL OR to_regclass('log_chunks' || suffix) IS NULL THEN ensure_partitions()::text END
    FROM (SELECT to_char((now() + interval '1 month') AT TIME ZONE 'UTC', '_YYYY_MM') AS suffix) next_month`,
};

const intervalMs = 6 * 3_600_000;

/** Keeps the partitions of the months to come; answers the function that ends it. */
export async function keepPartitions(database: Database, logger: Logger): Promise<() => void> {
  const ensure = async (): Promise<void> => {
    await database.query(ensurePartitions, []).catch((error: unknown) => {
      // Another process may have been making the same; two months are ahead, so the next look is in time.
      logger.warn({ error: describeError(error) }, "the partitions of the coming months could not be made yet");
    });
  };
  await ensure();
  const timer = setInterval(() => void ensure(), intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
