import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { SqlSensor } from "#definition/schema/sensor-definition.ts";
import { createTestDatabase, type TestDatabase } from "#testing/template-database.ts";
import { basis, TestSensor } from "../look-harness.testsuite.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.connectionString });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(async () => {
  await client.query(
    "DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s; CREATE TABLE s.o (id serial PRIMARY KEY, name text, at timestamptz)",
  );
});

const newRows = "SELECT id, name FROM s.o WHERE at > $1";

function sqlSensor(changes: Partial<SqlSensor> = {}): SqlSensor {
  return {
    ...{ ...basis, type: "sql", connection: { name: "shop" }, mode: "new_rows", query: newRows, orderColumn: "at" },
    ...changes,
  };
}

function open(changes: Partial<SqlSensor> = {}, signal = new AbortController().signal): TestSensor {
  const environment = { MILLRACE_CONN_SHOP: database.connectionString };
  return new TestSensor(sqlSensor(changes), { environment, signal });
}

const insert = (name: string, at: string): Promise<unknown> =>
  client.query("INSERT INTO s.o (name, at) VALUES ($1, $2)", [name, at]);

describe("new rows", () => {
  test("what was there fires nothing; what comes fires with its rows, in the order of the column", async () => {
    await insert("old", "2026-01-01T00:00:00Z");
    const sensor = open();
    expect(await sensor.fired()).toEqual([]);
    expect(await sensor.fired()).toEqual([]);
    await insert("second", "2026-01-03T00:00:00.123456Z");
    await insert("first", "2026-01-02T00:00:00Z");
    const last = expect.stringContaining("2026-01-03 00:00:00.123456");
    expect(await sensor.fired()).toEqual([
      {
        count: 2,
        rows: [
          { id: 3, name: "first" },
          { id: 2, name: "second" },
        ],
        last,
      },
    ]);
    expect(await sensor.fired()).toEqual([]);
  });

  test("of an empty table the first row fires, by a time, a number, or a column that the query gives", async () => {
    const byTime = open();
    const byNumber = open({ query: "SELECT * FROM s.o WHERE id > $1", orderColumn: "id" });
    const given = open({
      query: "WITH q AS (SELECT id, at AS moment FROM s.o) SELECT * FROM q WHERE moment > $1",
      orderColumn: "moment",
    });
    for (const sensor of [byTime, byNumber, given])
      expect([await sensor.fired(), await sensor.fired()]).toEqual([[], []]);
    await insert("a", "2026-01-01T00:00:00Z");
    expect(await byTime.fired()).toMatchObject([{ count: 1, rows: [{ id: 1, name: "a" }] }]);
    expect(await byNumber.fired()).toMatchObject([{ count: 1, last: 1 }]);
    expect(await given.fired()).toMatchObject([{ rows: [{ id: 1, moment: expect.any(String) }] }]);
    await insert("b", "2026-01-02T00:00:00Z");
    expect(await byNumber.fired()).toMatchObject([{ last: 2 }]);
  });

  test("more than an event holds is several; rows of one value are never parted", async () => {
    const sensor = open({ batchSize: 3 });
    await sensor.poll();
    const days = [1, 1, 2, 2, 3, 4];
    for (const [place, day] of days.entries()) await insert(String(place), `2026-01-0${day}T00:00:00Z`);
    const looks = [await sensor.poll(), await sensor.poll(), await sensor.poll()];
    expect(looks.map(({ firings, hasMore }) => [firings[0]?.event.data["count"], hasMore])).toEqual([
      [2, true],
      [3, true],
      [1, false],
    ]);
    expect(await sensor.fired()).toEqual([]);
    for (let count = 0; count < 5; count += 1) await insert("same", "2026-02-01T00:00:00Z");
    await insert("last", "2026-02-02T00:00:00Z");
    expect(await sensor.fired()).toMatchObject([{ count: 5, is_cut: true, rows: [{}, {}, {}] }]);
    expect(await sensor.fired()).toMatchObject([{ count: 1, rows: [{ name: "last" }] }]);
  });

  test("a row without a value in the column is told by name", async () => {
    const sensor = open({ query: "SELECT id, at FROM s.o WHERE at > $1 OR at IS NULL" });
    await sensor.poll();
    await client.query("INSERT INTO s.o (name) VALUES ('x')");
    await expect(sensor.poll()).rejects.toThrow("at of a new row is null");
  });
});

describe("other modes", () => {
  test("row_count fires when the number of rows is another one", async () => {
    const sensor = open({ mode: "row_count", query: "SELECT 1 FROM s.o", orderColumn: null });
    expect(await sensor.fired()).toEqual([]);
    await insert("a", "2026-01-01T00:00:00Z");
    expect(await sensor.fired()).toEqual([{ count: 1, previous: 0 }]);
    expect(await sensor.fired()).toEqual([]);
    await client.query("DELETE FROM s.o");
    expect(await sensor.fired()).toEqual([{ count: 0, previous: 1 }]);
  });

  test("result_change fires when the result is another one", async () => {
    const sensor = open({
      mode: "result_change",
      query: "SELECT max(name) AS m FROM s.o",
      orderColumn: null,
      batchSize: 1,
    });
    expect(await sensor.fired()).toEqual([]);
    await insert("a", "2026-01-01T00:00:00Z");
    expect(await sensor.fired()).toEqual([{ count: 1, rows: [{ m: "a" }], hash: expect.stringMatching(/^sha256:/) }]);
    await insert("A", "2026-01-01T00:00:00Z");
    expect(await sensor.fired()).toHaveLength(0);
  });
});

describe("a query", () => {
  const counting = { mode: "row_count", orderColumn: null } as const;

  test.each([
    ["SELECT nothing_such FROM s.o", /^the query fails: column "nothing_such" does not exist \(42703\)/],
    ["SELECT 1; SELECT 2", /must be one statement/],
    ["DELETE FROM s.o", /begins with SELECT/],
    ["WITH gone AS (DELETE FROM s.o RETURNING 1) SELECT * FROM gone", /the query fails/],
    ["SELECT nextval('s.o_id_seq')", /read-only transaction/],
  ])("%s is refused", async (query, problem) => {
    await insert("a", "2026-01-01T00:00:00Z");
    await expect(open({ ...counting, query }).poll()).rejects.toThrow(problem);
    expect(
      (await client.query("SELECT count(*)::int AS n, (SELECT last_value::int FROM s.o_id_seq) AS last FROM s.o")).rows,
    ).toEqual([{ n: 1, last: 1 }]);
  });

  test("is cancelled on the server when its time is over", async () => {
    const controller = new AbortController();
    const polling = open(
      { ...counting, query: "SELECT pg_sleep(60) AS millrace_slow_sensor" },
      controller.signal,
    ).poll();
    const running =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%millrace_slow_sensor%' AND pid <> pg_backend_pid() AND state = 'active'";
    const waitFor = async (count: number): Promise<void> => {
      while ((await client.query<{ n: number }>(running)).rows[0]?.n !== count);
    };
    await waitFor(1);
    controller.abort(new Error("time is over"));
    await expect(polling).rejects.toThrow("time is over");
    await waitFor(0);
  });

  test("finds its database by a secret or a variable, and tells what is not there", async () => {
    const reference = (from: "secrets" | "env", name: string) =>
      ({ ...counting, query: "SELECT 1", connection: { address: [{ from, name }] } }) as const;
    const environment = { MILLRACE_SECRET_SHOP: database.connectionString, SHOP: database.connectionString };
    for (const from of ["secrets", "env"] as const) {
      const sensor = new TestSensor(sqlSensor(reference(from, "SHOP")), { environment });
      expect(await sensor.fired()).toEqual([]);
      expect(sensor.state?.get("count")).toBe(1);
    }
    await expect(new TestSensor(sqlSensor(reference("env", "NONE"))).poll()).rejects.toThrow(
      "the variable NONE is not set",
    );
    await expect(new TestSensor(sqlSensor()).poll()).rejects.toThrow("there is no connection shop");
  });
});

describe("SQLite, in a process of its own", () => {
  function openFile() {
    const folder = mkdtempSync(join(tmpdir(), "millrace-sensor-sqlite-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "shop.db");
    const file = new DatabaseSync(path);
    onTestFinished(() => file.close());
    file.exec("CREATE TABLE o (id INTEGER PRIMARY KEY, at TEXT)");
    const environment = { MILLRACE_CONN_SHOP: `sqlite://${path}` };
    return { file, sensor: (changes: Partial<SqlSensor>) => new TestSensor(sqlSensor(changes), { environment }) };
  }

  test("new rows fire, by numbers and by texts", async () => {
    const { file, sensor } = openFile();
    const byNumber = sensor({ query: "SELECT id FROM o WHERE id > $1", orderColumn: "id" });
    const byText = sensor({ query: "SELECT id FROM o WHERE at > $1", orderColumn: "at" });
    for (const each of [byNumber, byText]) await each.poll();
    file.exec("INSERT INTO o (at) VALUES ('2026-01-01'), ('2026-01-02')");
    expect(await byNumber.fired()).toEqual([{ count: 2, rows: [{ id: 1 }, { id: 2 }], last: 2 }]);
    expect(await byText.fired()).toEqual([{ count: 2, rows: [{ id: 1 }, { id: 2 }], last: "2026-01-02" }]);
    file.exec("INSERT INTO o (at) VALUES ('2026-01-03')");
    expect(await byText.fired()).toMatchObject([{ rows: [{ id: 3 }] }]);
  });

  test("a wrong query is told", async () => {
    const { sensor } = openFile();
    await expect(
      sensor({ mode: "row_count", query: "SELECT x FROM nowhere", orderColumn: null }).poll(),
    ).rejects.toThrow(/the query fails: no such table: nowhere/);
  });
});
