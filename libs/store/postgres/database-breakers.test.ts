import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { createLogger } from "#telemetry/logger.ts";
import { type ClusterDatabase, startClusterDatabase } from "#testing/cluster/cluster-database.ts";
import { createTestDatabase } from "#testing/template-database.ts";
import { type Databases, openDatabases, type Statement } from "./database.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const patience = { timeout: 30_000, interval: 20 };
const hourMs = 3_600_000;
/** Whoever waited for the breaker's own time would wait for an hour. */
const policy = { ...defaultPolicies.database, openMs: hourMs, longestOpenMs: hourMs };

function sql(text: string): Statement {
  return { name: "", text };
}

function open(connectionString: string): Databases {
  return openDatabases({ connectionString, poolSize: 4, breaker: policy, logger });
}

function statesOf({ breakers }: Databases): Readonly<Record<string, string>> {
  return Object.fromEntries(breakers.map(({ name, state }) => [name, state]));
}

const closed = { "database read": "closed", "database write": "closed", "database admin": "closed" };

describe("a database that goes and comes back", { timeout: 60_000 }, () => {
  let folder = "";
  let database: ClusterDatabase | null = null;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-breakers-"));
    await chmod(folder, 0o711);
    database = await startClusterDatabase({ dataDir: join(folder, "data"), logFile: join(folder, "log") });
  }, 60_000);
  afterAll(async () => {
    await database?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function running(): ClusterDatabase {
    if (database === null) throw new Error("no database");
    return database;
  }

  it("is left alone while it is away, and used again as soon as it answers, not when a time is over", async () => {
    const server = running();
    const databases = open(server.connectionString);
    const read = (): Promise<unknown> => databases.ordinary.query(sql("SELECT 1 AS one"), []);
    const write = (): Promise<unknown> => databases.hot.transaction((it) => it.query(sql("SELECT 1 AS one"), []));
    await Promise.all([read(), write()]);
    for (let round = 0; round < 2; round += 1) {
      await server.stop();
      await expect
        .poll(async () => {
          await Promise.allSettled([read(), write()]);
          return statesOf(databases);
        }, patience)
        .toEqual({ ...closed, "database read": "open", "database write": "open" });
      await expect(read()).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: expect.stringMatching(/left alone until it answers again: \d+ (calls|tries) failed/),
      });
      await server.start();
      await expect.poll(() => read().catch(() => null), patience).toEqual([{ one: 1 }]);
      await expect.poll(() => write().catch(() => null), patience).toEqual([{ one: 1 }]);
      await expect
        .poll(async () => {
          await Promise.all([read(), write()]);
          return statesOf(databases);
        }, patience)
        .toEqual(closed);
    }
    await databases.close();
  });
});

describe("a database that answers", () => {
  it("closes no breaker by what it refuses: constraints, guards, locks, wrong statements", async () => {
    const test = await createTestDatabase();
    const databases = open(test.connectionString);
    const { ordinary } = databases;
    await ordinary.query(sql("CREATE TABLE numbers (n int PRIMARY KEY)"), []);
    await ordinary.query(sql("INSERT INTO numbers VALUES (1)"), []);
    const refused = [
      "INSERT INTO numbers VALUES (1)",
      "INSERT INTO nowhere VALUES (1)",
      "SELECT 1 / 0",
      "DO $$ BEGIN RAISE EXCEPTION 'guard' USING ERRCODE = 'MR001'; END $$",
      "DO $$ BEGIN RAISE EXCEPTION 'lock' USING ERRCODE = '55P03'; END $$",
      "DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$",
    ];
    for (let round = 0; round < 10; round += 1) {
      for (const text of refused) {
        const alone = ordinary.query(sql(text), []);
        const within = databases.hot.transaction((it) => it.query(sql(text), []));
        const results = await Promise.allSettled([alone, within]);
        expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      }
    }
    expect(statesOf(databases)).toEqual(closed);
    await databases.close();
    await test.drop();
  });

  it("and takes no writes any more has its writes held back, and its reads not", async () => {
    const test = await createTestDatabase();
    const databases = open(test.connectionString);
    const { ordinary } = databases;
    const broken = sql("DO $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$; -- UPDATE");
    for (let count = 0; count < 12; count += 1) await ordinary.query(broken, []).catch(() => undefined);
    expect(statesOf(databases)).toMatchObject({ "database write": "open", "database read": "closed" });
    expect(await ordinary.query(sql("SELECT 1 AS one"), [])).toEqual([{ one: 1 }]);
    await databases.close();
    await test.drop();
  });
});
