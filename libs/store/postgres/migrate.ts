import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";

export interface MigrationStatus {
  readonly name: string;
  /** `changed`: applied with another content. `unknown`: applied by a newer program. */
  readonly state: "applied" | "pending" | "changed" | "unknown";
  readonly appliedAt: Date | null;
}

interface Migration {
  readonly name: string;
  readonly hash: string;
  readonly sql: string;
}

interface Applied {
  readonly name: string;
  readonly hash: string;
  readonly applied_at: Date;
}

/** Names the lock that migrations take; any number that nothing else in the database uses. */
const lockNumber = 7_265_001;
const lockDeadline = "120s";
const connectDeadlineMs = 10_000;

const ownFolder = fileURLToPath(new URL("../../../migrations/", import.meta.url));

/**
 * Applies the migrations that are missing, in the order of their names, each in a transaction of its own that holds
 * the lock: services that start together wait for each other, and no lock outlives its transaction (a pooler would
 * strand it). Answers the names it applied. `MIGRATION_CHANGED` when an applied file is not what it was.
 */
export async function migrate(options: {
  connectionString: string;
  logger: Logger;
  folder?: string;
}): Promise<readonly string[]> {
  const migrations = await readMigrations(options.folder ?? ownFolder);
  const names: string[] = [];
  await withClient(options.connectionString, async (client) => {
    for (;;) {
      const name = await applyNext(client, migrations, options.logger);
      if (name === null) return;
      names.push(name);
    }
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
    const exists = await client.query<{ found: string | null }>(
      "SELECT to_regclass('schema_migrations')::text AS found",
    );
    const applied = exists.rows[0]?.found ? await readApplied(client) : [];
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

/** Applies one migration, or none when nothing is missing; looks again under the lock, since another may have been first. */
async function applyNext(client: Client, migrations: readonly Migration[], logger: Logger): Promise<string | null> {
  await client.query("BEGIN");
  try {
    await client.query(`SET LOCAL lock_timeout = '${lockDeadline}'`);
    await client.query("SELECT pg_advisory_xact_lock($1)", [lockNumber]);
    await client.query(
      "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    );
    const next = findNext(migrations, await readApplied(client));
    if (next !== null) {
      logger.info({ migration: next.name }, "applying a migration");
      await client.query(next.sql);
      await client.query("INSERT INTO schema_migrations (name, hash) VALUES ($1, $2)", [next.name, next.hash]);
    }
    await client.query("COMMIT");
    return next?.name ?? null;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
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

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const sql = await readFile(join(folder, file), "utf8");
      return { name: file.replace(/\.sql$/, ""), hash: createHash("sha256").update(sql).digest("hex"), sql };
    }),
  );
}

async function readApplied(client: Client): Promise<readonly Applied[]> {
  const { rows } = await client.query<Applied>("SELECT name, hash, applied_at FROM schema_migrations ORDER BY name");
  return rows;
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
