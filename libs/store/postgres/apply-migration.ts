import { type Client, DatabaseError } from "pg";
import type { Migration } from "./migration-files.ts";

export interface Applied {
  readonly name: string;
  readonly hash: string;
  readonly applied_at: Date;
}

/** What one try came to; `again`: others hold the lock, or a table that the migration needs. */
export type Try = { readonly kind: "applied"; readonly name: string } | { readonly kind: "nothing" | "again" };

/** Told of each migration, and of what it waits for. */
export type MigrationLog = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Which is next, given what is applied. */
type FindNext = (applied: readonly Applied[]) => Migration | null;

/** Names the lock that migrations take; any number that nothing else in the database uses. */
const lockNumber = 7_265_001;
/** While a change of a table waits for those that use it, everybody who comes later waits behind it. */
const tableWaitMs = 500;
const lockTimeoutCode = "55P03";

export async function readApplied(client: Client): Promise<readonly Applied[]> {
  const { rows } = await client.query<Applied>("SELECT name, hash, applied_at FROM schema_migrations ORDER BY name");
  return rows;
}

/**
 * Tries to apply the next migration in a transaction that holds the lock. Nobody waits for the lock in the database: an
 * index that is built concurrently would wait for the transaction that waits for it.
 */
export async function tryNext(client: Client, findNext: FindNext, tell: MigrationLog): Promise<Try> {
  await client.query("BEGIN");
  try {
    await client.query(`SET LOCAL lock_timeout = ${tableWaitMs}`);
    const next = (await takeLock(client, "pg_try_advisory_xact_lock")) ? findNext(await prepare(client)) : "locked";
    if (next === "locked" || (next !== null && next.index !== null)) {
      await client.query("ROLLBACK");
      return next === "locked" ? { kind: "again" } : await tryIndex(client, findNext, tell);
    }
    if (next !== null) {
      tell({ migration: next.name }, "applying a migration");
      await client.query(next.sql);
      await recordApplied(client, next);
    }
    await client.query("COMMIT");
    return next === null ? { kind: "nothing" } : { kind: "applied", name: next.name };
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    if (!(error instanceof DatabaseError) || error.code !== lockTimeoutCode) throw error;
    tell({}, "a migration waits for a table that is in use, and lets others pass");
    return { kind: "again" };
  }
}

/** The session holds the lock meanwhile. What an earlier try has left half built is removed first. */
async function tryIndex(client: Client, findNext: FindNext, tell: MigrationLog): Promise<Try> {
  if (!(await takeLock(client, "pg_try_advisory_lock"))) return { kind: "again" };
  try {
    const next = findNext(await prepare(client));
    if (next === null || next.index === null) return { kind: "again" };
    tell({ migration: next.name, index: next.index }, "building an index beside the work");
    // It waits for whoever began before it, whatever limits the role has.
    await client.query("SET lock_timeout = 0");
    const half = await client.query("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid", [
      next.index,
    ]);
    if (half.rows.length > 0) await client.query(`DROP INDEX CONCURRENTLY ${next.index}`);
    await client.query(next.sql);
    await recordApplied(client, next);
    return { kind: "applied", name: next.name };
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [lockNumber]);
  }
}

async function takeLock(client: Client, take: "pg_try_advisory_xact_lock" | "pg_try_advisory_lock"): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(`SELECT ${take}($1) AS taken`, [lockNumber]);
  return rows[0]?.taken === true;
}

/** What is applied; the first migration of all finds no table of them. */
async function prepare(client: Client): Promise<readonly Applied[]> {
  await client.query(
    "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
  );
  return readApplied(client);
}

async function recordApplied(client: Client, { name, hash }: Migration): Promise<void> {
  await client.query("INSERT INTO schema_migrations (name, hash) VALUES ($1, $2)", [name, hash]);
}
