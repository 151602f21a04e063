import { AppError } from "#errors/app-error.ts";
import type { Database, Statement } from "./database.ts";

/** A statement of the product is over by then, also one that people wait for. */
export const statementDeadlineMs = 30_000;

/** No transaction stays idle over 3 s or waits for a lock over 1 s, so that a frozen process holds nobody up (G11). */
const limitsMs: Readonly<Record<string, number>> = {
  lock_timeout: 1000,
  idle_in_transaction_session_timeout: 3000,
  statement_timeout: statementDeadlineMs,
};
const timeZone = "UTC";

/** What a connection of our own begins with. */
export const sessionSettings: readonly string[] = [
  `SET timezone = '${timeZone}'`,
  ...Object.entries(limitsMs).map(([name, ms]) => `SET ${name} = ${ms}`),
  "SET client_min_messages = warning",
];

/**
 * A statement that was planned on nearly empty tables would keep its sequential scans when they have grown. What is used
 * thousands of times is planned once: a plan for each pick took half as long as the pick.
 */
export const hotSettings: readonly string[] = [
  "SET enable_seqscan = off",
  "SET enable_hashjoin = off",
  "SET enable_mergejoin = off",
  "SET plan_cache_mode = force_generic_plan",
];

const readSettings: Statement = {
  name: "read_session_settings",
  text: "SELECT name, setting, quote_ident(current_user) AS role FROM pg_settings WHERE name = 'TimeZone' OR name = ANY($1)",
};

/**
 * Refuses a pooler whose sessions hold locks or stand still for longer than ours may. A session there belongs to nobody,
 * so what one sets would be another's: the limits must be the role's own. Errors: `INVALID_CONFIG`, with the statements
 * that set them.
 */
export async function verifyPooledSessions(database: Database): Promise<void> {
  const rows = await database.query<{ name: string; setting: string; role: string }>(readSettings, [
    Object.keys(limitsMs),
  ]);
  const role = rows[0]?.role ?? "";
  const wrong = rows.flatMap(({ name, setting }) => {
    const limit = limitsMs[name];
    const isRight = limit === undefined ? setting === timeZone : Number(setting) > 0 && Number(setting) <= limit;
    return isRight ? [] : [{ name, setting, wanted: limit === undefined ? `'${timeZone}'` : `'${limit}ms'` }];
  });
  if (wrong.length === 0) return;
  const found = wrong.map(({ name, setting }) => `${name} ${setting}`).join(", ");
  const cure = wrong.map(({ name, wanted }) => `ALTER ROLE ${role} SET ${name} = ${wanted};`).join(" ");
  throw new AppError(
    "INVALID_CONFIG",
    `sessions of database.pooler_url have ${found}, so that a process which stands still could hold others up; give the role its limits and restart the pooler: ${cure}`,
    { details: { settings: wrong.map(({ name }) => name) } },
  );
}
