import mysql, { type Connection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SqlSensor } from "#definition/schema/sensor-definition.ts";
import { mariadbPath, type MariadbServer, startMariadb } from "#testing/mariadb-server.ts";
import { basis, TestSensor } from "../look-harness.testsuite.ts";

describe.runIf(mariadbPath !== null)("MySQL", () => {
  let server: MariadbServer;
  let client: Connection;
  beforeAll(async () => {
    server = await startMariadb(mariadbPath ?? "");
    const socketPath = decodeURIComponent(/@([^/]+)\//.exec(server.address)?.[1] ?? "");
    client = await mysql.createConnection({ socketPath, user: "root", database: "test" });
  }, 60_000);
  afterAll(async () => {
    await client.end();
    await server.stop();
  });
  beforeEach(async () => {
    await client.query("DROP TABLE IF EXISTS o");
    await client.query("CREATE TABLE o (id int AUTO_INCREMENT PRIMARY KEY, at datetime(3))");
  });

  function open(changes: Partial<SqlSensor>): TestSensor {
    const own = { type: "sql", connection: { name: "shop" }, mode: "new_rows", query: "", orderColumn: null } as const;
    const environment = { MILLRACE_CONN_SHOP: server.address };
    return new TestSensor({ ...basis, ...own, ...changes }, { environment });
  }

  test("new rows fire, by times and by numbers", async () => {
    const byTime = open({ query: "SELECT id FROM o WHERE at > $1", orderColumn: "at" });
    const byNumber = open({ query: "SELECT id FROM o WHERE id > $1", orderColumn: "id" });
    for (const sensor of [byTime, byNumber]) expect(await sensor.fired()).toEqual([]);
    await client.query("INSERT INTO o (at) VALUES ('2026-01-02 00:00:00.5'), ('2026-01-01')");
    expect(await byTime.fired()).toEqual([{ count: 2, rows: [{ id: 2 }, { id: 1 }], last: "2026-01-02 00:00:00.500" }]);
    expect(await byNumber.fired()).toEqual([{ count: 2, rows: [{ id: 1 }, { id: 2 }], last: 2 }]);
    for (const sensor of [byTime, byNumber]) expect(await sensor.fired()).toEqual([]);
    await client.query("INSERT INTO o (at) VALUES ('2026-01-03')");
    expect(await byTime.fired()).toMatchObject([{ rows: [{ id: 3 }] }]);
  });

  test("a query changes nothing", async () => {
    await client.query("INSERT INTO o (at) VALUES ('2026-01-01')");
    await client.query("DROP FUNCTION IF EXISTS gone");
    await client.query("CREATE FUNCTION gone() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM o; RETURN 1; END");
    const sensor = open({ mode: "row_count", query: "SELECT gone()" });
    await expect(sensor.poll()).rejects.toThrow(/READ ONLY/);
    const [rows] = await client.query("SELECT count(*) AS n FROM o");
    expect(rows).toEqual([{ n: 1 }]);
  });
});
