import mysql from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OperatorResult } from "../operator.ts";
import type { OperatorHost } from "../operator-host.ts";
import { createTestContext, createTestHost } from "../operator-context.testsuite.ts";
import { mariadbPath, type MariadbServer, startMariadb } from "#testing/mariadb-server.ts";
import { sqlOperator } from "./sql-operator.ts";

describe.runIf(mariadbPath !== null)("on a real MariaDB", () => {
  let server: MariadbServer;
  let host: OperatorHost;
  let client: mysql.Connection;
  beforeAll(async () => {
    server = await startMariadb(mariadbPath ?? "");
    host = createTestHost({ connections: { shop: server.address } });
    client = await mysql.createConnection({
      socketPath: decodeURIComponent(new URL(server.address).hostname),
      user: "root",
      database: "test",
    });
  });
  afterAll(async () => {
    await host.sessions.close();
    await client.end();
    await server.stop();
  });
  beforeEach(async () => {
    await client.query("CREATE OR REPLACE TABLE t (id int PRIMARY KEY, name text, day date) CHARACTER SET utf8mb4");
  });

  function run(query: unknown, fields: Readonly<Record<string, unknown>> = {}, signal = new AbortController().signal) {
    return sqlOperator.execute(createTestContext({ config: { query, connection: "shop", ...fields }, host, signal }));
  }
  const rowsOf = (result: OperatorResult): unknown => (result.kind === "success" ? result.outputs?.["rows"] : result);
  const count = async (): Promise<unknown> =>
    ((await client.query("SELECT count(*) AS n FROM t"))[0] as { n: number }[])[0]?.n;

  test("every type has a JSON form that loses nothing", async () => {
    const query = `SELECT 1 AS a, 9007199254740993 AS big, 1.10 AS exact, 0.5e0 AS f, true AS yes, NULL AS nothing,
      DATE '2026-01-31' AS day, TIMESTAMP '2026-01-31 10:00:00' AS at, X'ff' AS bytes`;
    expect(await run(query)).toEqual({
      kind: "success",
      outputs: {
        count: 1,
        rows: [
          {
            a: 1,
            big: "9007199254740993",
            exact: "1.10",
            f: 0.5,
            yes: 1,
            nothing: null,
            day: "2026-01-31",
            at: "2026-01-31 10:00:00",
            bytes: "/w==",
          },
        ],
      },
    });
  });

  test.each(["'", "\\", "\\'", "'; DROP TABLE t; -- ", "\u{1f600}", "%", "a\0b", "# x", "/* x"])(
    "%j arrives unchanged, wherever it stands",
    async (value) => {
      const query = ["SELECT '", { value }, "' AS a, ", { value }, " AS b, 'x", { value }, "y''z' AS c"];
      expect(rowsOf(await run(query))).toEqual([{ a: value, b: value, c: `x${value}y'z` }]);
    },
  );

  test("whole numbers may stand in LIMIT; lists become JSON; names have backticks", async () => {
    await run("INSERT INTO t (id) VALUES (1), (2), (3)");
    const query = ["SELECT ", { name: "id" }, " FROM ", { name: "t" }, " ORDER BY id LIMIT ", { value: 2 }];
    expect(rowsOf(await run(query))).toEqual([{ id: 1 }, { id: 2 }]);
    expect(rowsOf(await run(["SELECT ", { value: [1, "a"] }, " AS list"]))).toEqual([{ list: '[1,"a"]' }]);
    expect(await run(["SELECT ", { name: "no`pe" }, " FROM t"])).toMatchObject({ code: "syntax" });
  });

  test("question marks and names are parameters", async () => {
    expect(rowsOf(await run("SELECT ? AS a, '?' AS b; SELECT ? AS c", { parameters: [1, 2] }))).toEqual([{ c: 2 }]);
    expect(rowsOf(await run("SELECT :a + :a AS n", { parameters: { a: 2 } }))).toEqual([{ n: 4 }]);
  });

  test("a wrong statement has no effect, and a syntax error not even after one that ends transactions", async () => {
    const query = "INSERT INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (1)";
    expect(await run(query)).toMatchObject({
      code: "database_error",
      retryable: false,
      message: expect.stringMatching(
        /^statement 2 of 2: Duplicate entry .* \(ER_DUP_ENTRY\), in the statement that begins at line 1/,
      ),
    });
    expect(await run("CREATE TABLE made (id int); SELEC 1")).toMatchObject({
      code: "syntax",
      message: expect.stringContaining("(ER_PARSE_ERROR)"),
    });
    expect((await client.query("SHOW TABLES LIKE 'made'"))[0]).toEqual([]);
    expect(await count()).toBe(0);
  });

  test("a statement may use what an earlier one made; procedures with bodies are one statement", async () => {
    const query = `CREATE OR REPLACE PROCEDURE p() BEGIN IF 1 THEN SELECT 5 AS five; END IF; END;
      CREATE OR REPLACE TABLE made (id int); INSERT INTO made VALUES (7); CALL p()`;
    expect(rowsOf(await run(query))).toEqual([{ five: 5 }]);
    expect(await run("SELECT * FROM made", { result: "count" })).toMatchObject({ outputs: { count: 1 } });
    await run("DROP TABLE made");
  });

  test("too many rows end the reading, change nothing, and leave a session that works", async () => {
    const query = "INSERT INTO t (id) VALUES (1); SELECT seq FROM seq_1_to_5000000";
    expect(await run(query)).toMatchObject({
      code: "invalid_output",
      message: expect.stringContaining("more than 10000 rows"),
    });
    expect(await count()).toBe(0);
    expect(rowsOf(await run("SELECT 1 AS n"))).toEqual([{ n: 1 }]);
  });

  test("a stop kills the query on the server, and so does the statement's timeout", async () => {
    const sleepers = async (): Promise<number> =>
      ((await client.query("SHOW PROCESSLIST"))[0] as { Info: string | null }[]).filter(({ Info }) =>
        Info?.startsWith("SELECT SLEEP(3"),
      ).length;
    const controller = new AbortController();
    const running = run("INSERT INTO t (id) VALUES (1); SELECT SLEEP(31)", {}, controller.signal);
    await expect.poll(sleepers).toBe(1);
    controller.abort(new Error("stopped"));
    await expect(running).rejects.toThrow("stopped");
    await expect.poll(sleepers).toBe(0);
    expect(await count()).toBe(0);
    const late = await run("INSERT INTO t (id) VALUES (1); SELECT SLEEP(32)", { statement_timeout: "200ms" });
    expect(late).toMatchObject({ code: "timeout", retryable: true });
    await expect.poll(sleepers).toBe(0);
    expect(await count()).toBe(0);
  });

  test("variables and temporary tables are gone for the next user", async () => {
    await run("SET @x = 5; CREATE TEMPORARY TABLE left_behind (id int)");
    expect(rowsOf(await run("SELECT @x AS x"))).toEqual([{ x: null }]);
    expect(await run("SELECT * FROM left_behind")).toMatchObject({ code: "syntax" });
  });

  test("a wrong password is not tried again, a missing server is", async () => {
    const wrong = createTestHost({
      connections: { shop: server.address.replace("root@", "root:wrong@"), gone: "mysql://root@127.0.0.1:1/test" },
    });
    const runOn = (connection: string) =>
      sqlOperator.execute(createTestContext({ config: { query: "SELECT 1", connection }, host: wrong }));
    expect(await runOn("shop")).toMatchObject({ code: "configuration", retryable: false });
    expect(await runOn("gone")).toMatchObject({ code: "connection", retryable: true });
  });

  test("a session that the server ended is told, and the next attempt gets another", async () => {
    const { threadId } = client;
    expect(threadId).toBeGreaterThan(0);
    expect(await run("KILL CONNECTION_ID()")).toMatchObject({ kind: "failed" });
    expect(rowsOf(await run("SELECT 1 AS n"))).toEqual([{ n: 1 }]);
  });
});
