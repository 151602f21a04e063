import { Client } from "pg";
import { pino } from "pino";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase } from "#testing/template-database.ts";
import { parseTimestamp } from "./column-parsers.ts";
import { type Databases, openDatabases, type Statement, verifyDatabase } from "./database.ts";
import { isConnectionError, isPassingConflict, isUniqueViolation } from "./database-errors.ts";

const logger = pino({ level: "silent" });

let databases: Databases;
let connectionString: string;

beforeAll(async () => {
  const database = await createTestDatabase();
  connectionString = database.connectionString;
  databases = openDatabases({ connectionString, poolSize: 4, logger });
  await databases.ordinary.query(sql("CREATE TABLE numbers (n int PRIMARY KEY)"), []);
  return async () => {
    await databases.close();
    await database.drop();
  };
});

function sql(text: string): Statement {
  return { name: "", text };
}

async function read<Row>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
  return databases.ordinary.query<Row>(sql(text), values);
}

describe("columns", () => {
  it("are read as numbers and milliseconds", async () => {
    const [row] = await read(
      "SELECT 9007199254740991::bigint AS big, ARRAY[1, 2]::bigint[] AS many, ARRAY[]::bigint[] AS none, count(*) FROM numbers",
    );
    expect(row).toEqual({ big: 9_007_199_254_740_991, many: [1, 2], none: [], count: 0 });
    const at = Date.UTC(2026, 1, 28, 23, 59, 59, 7);
    expect(await read("SELECT from_ms($1) AS at, from_ms(NULL) AS none", [at])).toEqual([{ at, none: null }]);
    expect(parseTimestamp("infinity")).toBe(Number.POSITIVE_INFINITY);
    expect(parseTimestamp("2026-01-01 00:00:00+00")).toBe(Date.UTC(2026, 0, 1));
    expect(() => parseTimestamp("44-03-15 00:00:00+00 BC")).toThrow(RangeError);
  });

  it("that no number can hold are an error, never a wrong number", async () => {
    await expect(read("SELECT 9007199254740993::bigint")).rejects.toThrow(RangeError);
    expect(await read("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("transactions", () => {
  it("roll back when their work throws, and the connection serves on", async () => {
    const work = databases.ordinary.transaction(async (transaction) => {
      await transaction.query(sql("INSERT INTO numbers VALUES (1)"), []);
      throw new Error("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await read("SELECT n FROM numbers")).toEqual([]);
  });

  it("tell the failure of a statement that nobody waited for, instead of a commit that was none", async () => {
    const work = databases.ordinary.transaction(async (transaction) => {
      void transaction.query(sql("INSERT INTO numbers VALUES (2)"), []);
      void transaction.query(sql("INSERT INTO numbers VALUES (2)"), []);
      void transaction.query(sql("INSERT INTO numbers VALUES (3)"), []);
      await transaction.commit();
    });
    await expect(work).rejects.toSatisfy(isUniqueViolation);
    expect(await read("SELECT n FROM numbers")).toEqual([]);
  });

  it("commit in the round trip of their statements", async () => {
    const rows = await databases.hot.transaction(async (transaction) => {
      void transaction.query(sql("INSERT INTO numbers VALUES (4)"), []);
      const seen = transaction.query(sql("SELECT n FROM numbers"), []);
      await transaction.commit();
      return seen;
    });
    expect(rows).toEqual([{ n: 4 }]);
    expect(await read("DELETE FROM numbers RETURNING n")).toEqual([{ n: 4 }]);
  });

  it("never wait long for a lock", async () => {
    const holder = new Client({ connectionString });
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE numbers");
    await expect(read("INSERT INTO numbers VALUES (5)")).rejects.toSatisfy(isPassingConflict);
    await holder.end();
  });
});

describe("connections", () => {
  it("of the hot path go by index, the others as the planner likes", async () => {
    expect(await databases.hot.query(sql("SHOW enable_seqscan"), [])).toEqual([{ enable_seqscan: "off" }]);
    expect(await read("SHOW enable_seqscan")).toEqual([{ enable_seqscan: "on" }]);
  });

  it("that are killed, idle or at work, are replaced; the caller hears DATABASE_UNAVAILABLE", async () => {
    const working = read("SELECT pg_sleep(20)").catch((error: unknown) => error);
    await expect.poll(() => killOthers(), { timeout: 5000 }).toBeGreaterThan(0);
    expect(await working).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(await working).toSatisfy(isConnectionError);
    await expect.poll(() => read("SELECT 1 AS one").catch(() => null), { timeout: 5000 }).toEqual([{ one: 1 }]);
  });

  it("to a server that is not there fail with DATABASE_UNAVAILABLE", async () => {
    const nowhere = openDatabases({ connectionString: "postgresql://nobody@127.0.0.1:1/none", poolSize: 2, logger });
    await expect(nowhere.ordinary.query(sql("SELECT 1"), [])).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    await nowhere.close();
  });
});

describe("a server that may lose what it acknowledged", () => {
  it("is refused, unless that is wanted", async () => {
    await expect(verifyDatabase(databases.ordinary, false)).rejects.toMatchObject({
      code: "DATABASE_UNSAFE",
      details: { settings: ["fsync", "synchronous_commit"] },
    });
    await expect(verifyDatabase(databases.ordinary, true)).resolves.toBeUndefined();
  });
});

/** Ends every connection to this database that is at work on our sleep or idle; answers how many slept. */
async function killOthers(): Promise<number> {
  const client = new Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ sleeps: boolean }>(
    `SELECT query LIKE '%pg_sleep%' AND state = 'active' AS sleeps, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%' AND state = 'active')`,
  );
  await client.end();
  return rows.filter((row) => row.sleeps).length;
}
