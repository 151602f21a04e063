import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type Applied, type MigrationLog, readApplied, tryNext } from "./apply-migration.ts";
import { type Migration, ownFolder, readMigrations } from "./migration-files.ts";

export interface MigrationStatus {
  readonly name: string;
  /** `changed`: applied with another content. `unknown`: applied by a newer program. */
  readonly state: "applied" | "pending" | "changed" | "unknown";
  readonly appliedAt: Date | null;
}

const connectDeadlineMs = 10_000;
/** Between two tries while others migrate, or use a table. */
const pauseMs = 200;
const deadlineMs = 120_000;

/**
 * Applies the migrations that are missing, in the order of their names, each under the lock: services that start together
 * wait for each other. A change of a table waits for those who use it half a second at a time, so that nobody waits longer
 * behind it. Answers the names it applied. `MIGRATION_CHANGED` when an applied file is not what it was,
 * `DATABASE_UNAVAILABLE` when one can't be applied within the deadline.
 */
export async function migrate(options: {
  connectionString: string;
  logger: Logger;
  folder?: string;
}): Promise<readonly string[]> {
  const migrations = await readMigrations(options.folder ?? ownFolder);
  const names: string[] = [];
  await withClient(options.connectionString, async (client) => {
    // The role's own limit is for statements that people wait for.
    await client.query("SET statement_timeout = 0");
    const isNew = !(await hasMigrations(client));
    const tell: MigrationLog = isNew
      ? (fields, message) => options.logger.debug(fields, message)
      : (fields, message) => options.logger.info(fields, message);
    for (;;) {
      const name = await applyNext(client, migrations, tell);
      if (name === null) break;
      names.push(name);
    }
    const [last] = names.slice(-1);
    if (isNew && last !== undefined)
      options.logger.info({ migrations: names.length, last }, "made the tables of a new database");
  });
  return names;
}

/** All migrations, of the folder and of the database, in order; changes nothing. */
export async function migrationStatus(options: {
  connectionString: string;
  folder?: string;
}): Promise<readonly MigrationStatus[]> {
  const migrations = await readMigrations(options.folder ?? ownFolder);
  return withClient(options.connectionString, async (client) => {
    const applied = (await hasMigrations(client)) ? await readApplied(client) : [];
    const byName = new Map(applied.map((row) => [row.name, row]));
    const known = new Set(migrations.map((migration) => migration.name));
    const ours = migrations.map((migration): MigrationStatus => {
      const row = byName.get(migration.name);
      if (row === undefined) return { name: migration.name, state: "pending", appliedAt: null };
      return {
        name: migration.name,
        state: row.hash === migration.hash ? "applied" : "changed",
        appliedAt: row.applied_at,
      };
    });
    const newer = applied
      .filter((row) => !known.has(row.name))
      .map((row): MigrationStatus => ({ name: row.name, state: "unknown", appliedAt: row.applied_at }));
    return [...ours, ...newer];
  });
}

/** False: the database is new. */
async function hasMigrations(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ found: string | null }>(
    "SELECT to_regclass('schema_migrations')::text AS found",
  );
  return (rows[0]?.found ?? null) !== null;
}

/** Applies one migration, or none when nothing is missing. */
async function applyNext(client: Client, migrations: readonly Migration[], tell: MigrationLog): Promise<string | null> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const result = await tryNext(client, (applied) => findNext(migrations, applied), tell);
    if (result.kind === "applied") return result.name;
    if (result.kind === "nothing") return null;
    if (performance.now() > deadline)
      throw new AppError(
        "DATABASE_UNAVAILABLE",
        `no migration could be applied within ${deadlineMs / 1000} s: another process migrates, or one uses a table all the time`,
      );
    await delay(pauseMs * (0.5 + Math.random()));
  }
}

function findNext(migrations: readonly Migration[], applied: readonly Applied[]): Migration | null {
  const byName = new Map(applied.map((row) => [row.name, row]));
  let next: Migration | null = null;
  for (const migration of migrations) {
    const row = byName.get(migration.name);
    if (row === undefined) {
      next ??= migration;
    } else if (row.hash !== migration.hash || next !== null) {
      const problem =
        next === null ? "was changed after it was applied" : `was applied, but ${next.name} before it was not`;
      throw new AppError(
        "MIGRATION_CHANGED",
        `migration ${migration.name} ${problem}; restore the files that were applied`,
        {
          details: { migration: migration.name },
        },
      );
    }
  }
  return next;
}

async function withClient<T>(connectionString: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: connectDeadlineMs,
    application_name: "millrace migrate",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new AppError("DATABASE_UNAVAILABLE", `cannot connect to the database: ${describeError(error)}`, {
      cause: error,
    });
  }
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
