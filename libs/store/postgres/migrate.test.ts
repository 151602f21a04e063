import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase } from "#testing/template-database.ts";
import { migrate, migrationStatus } from "./migrate.ts";

const logger = pino({ level: "silent" });

/** An empty database and a folder of these migrations. */
async function prepare(
  files: Record<string, string>,
): Promise<{ connectionString: string; folder: string; query: (sql: string) => Promise<unknown[]> }> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), "millrace-migrations-"));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql);
  const client = new Client({ connectionString: database.connectionString });
  await client.connect();
  await client.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  onTestFinished(async () => {
    await client.end();
    await database.drop();
    await rm(folder, { recursive: true });
  });
  return {
    connectionString: database.connectionString,
    folder,
    query: async (sql) => (await client.query<object>(sql)).rows,
  };
}

it("applies what is missing in order, once, and says what stands where", async () => {
  const { connectionString, folder, query } = await prepare({
    "0002_b.sql": "ALTER TABLE a ADD y int",
    "0001_a.sql": "CREATE TABLE a (x int)",
    "notes.md": "no",
  });
  expect((await migrationStatus({ connectionString, folder })).map((one) => one.state)).toEqual(["pending", "pending"]);
  expect(await migrate({ connectionString, logger, folder })).toEqual(["0001_a", "0002_b"]);
  expect(await migrate({ connectionString, logger, folder })).toEqual([]);
  await writeFile(join(folder, "0003_c.sql"), "ALTER TABLE a ADD z int");
  expect((await migrationStatus({ connectionString, folder })).map(({ name, state }) => [name, state])).toEqual([
    ["0001_a", "applied"],
    ["0002_b", "applied"],
    ["0003_c", "pending"],
  ]);
  expect(await migrate({ connectionString, logger, folder })).toEqual(["0003_c"]);
  expect(await query("SELECT x, y, z FROM a")).toEqual([]);
});

it("applies each once when five services start together", async () => {
  const { connectionString, folder, query } = await prepare({
    "0001_a.sql": "CREATE TABLE a (x int)",
    "0002_b.sql": "INSERT INTO a VALUES (1)",
  });
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate({ connectionString, logger, folder })));
  expect(applied.flat().toSorted()).toEqual(["0001_a", "0002_b"]);
  expect(await query("SELECT x FROM a")).toEqual([{ x: 1 }]);
});

it("leaves nothing of a migration that fails, and keeps those before it", async () => {
  const { connectionString, folder, query } = await prepare({
    "0001_a.sql": "CREATE TABLE a (x int)",
    "0002_b.sql": "CREATE TABLE b (x int); SELECT 1/0",
  });
  await expect(migrate({ connectionString, logger, folder })).rejects.toThrow(/division by zero/);
  expect(await query("SELECT to_regclass('a')::text AS a, to_regclass('b')::text AS b")).toEqual([{ a: "a", b: null }]);
});

it("lets others pass while a table that it changes is in use, and applies it when it can", async () => {
  const { connectionString, folder, query } = await prepare({ "0001_a.sql": "CREATE TABLE a (x int)" });
  await migrate({ connectionString, logger, folder });
  await writeFile(join(folder, "0002_b.sql"), "ALTER TABLE a ADD y int");
  const reader = new Client({ connectionString });
  await reader.connect();
  onTestFinished(() => reader.end());
  await reader.query("BEGIN");
  await reader.query("SELECT * FROM a");
  const migrating = migrate({ connectionString, logger, folder });
  const waiting = "SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation = to_regclass('a')";
  await expect.poll(() => query(waiting), { interval: 5 }).toEqual([{ count: 1 }]);
  // Without its giving up this read would wait for the reader's end.
  expect(await query("SELECT x FROM a")).toEqual([]);
  await reader.query("COMMIT");
  expect(await migrating).toEqual(["0002_b"]);
});

describe("a migration that builds an index concurrently", () => {
  const files = {
    "0001_a.sql": "CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1)",
    "0002_i.sql": "-- builds concurrently: a_x\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_x ON a (x)",
    "0003_c.sql": "ALTER TABLE a ADD z int",
  };
  const valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_x')";

  it("begins anew where an earlier try has left half of it", async () => {
    const { connectionString, folder, query } = await prepare(files);
    await expect(migrate({ connectionString, logger, folder })).rejects.toThrow(/could not create unique index/);
    expect(await query(valid)).toEqual([{ indisvalid: false }]);
    await query("DELETE FROM a");
    expect(await migrate({ connectionString, logger, folder })).toEqual(["0002_i", "0003_c"]);
    expect(await query(valid)).toEqual([{ indisvalid: true }]);
  });

  it("is applied once when five services start together", async () => {
    const { connectionString, folder, query } = await prepare({ ...files, "0001_a.sql": "CREATE TABLE a (x int)" });
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate({ connectionString, logger, folder })));
    expect(applied.flat().toSorted()).toEqual(["0001_a", "0002_i", "0003_c"]);
    expect(await query(valid)).toEqual([{ indisvalid: true }]);
  });
});

it("refuses a file that was changed after it was applied, and one that slipped in before an applied one", async () => {
  const { connectionString, folder } = await prepare({ "0002_b.sql": "CREATE TABLE b (x int)" });
  await migrate({ connectionString, logger, folder });
  await writeFile(join(folder, "0001_a.sql"), "CREATE TABLE a (x int)");
  await expect(migrate({ connectionString, logger, folder })).rejects.toMatchObject({
    code: "MIGRATION_CHANGED",
    details: { migration: "0002_b" },
  });
  await rm(join(folder, "0001_a.sql"));
  await writeFile(join(folder, "0002_b.sql"), "CREATE TABLE b (y int)");
  await expect(migrate({ connectionString, logger, folder })).rejects.toMatchObject({ code: "MIGRATION_CHANGED" });
  expect((await migrationStatus({ connectionString, folder })).map((one) => one.state)).toEqual(["changed"]);
});

it("works with a database that a newer program has migrated", async () => {
  const { connectionString, folder } = await prepare({
    "0001_a.sql": "CREATE TABLE a (x int)",
    "0002_b.sql": "CREATE TABLE b (x int)",
  });
  await migrate({ connectionString, logger, folder });
  await rm(join(folder, "0002_b.sql"));
  expect(await migrate({ connectionString, logger, folder })).toEqual([]);
  expect((await migrationStatus({ connectionString, folder })).map((one) => one.state)).toEqual(["applied", "unknown"]);
});

it("says that the database does not answer", async () => {
  await expect(migrate({ connectionString: "postgresql://nobody@127.0.0.1:1/none", logger })).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
  });
});
