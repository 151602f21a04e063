import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testing/template-database.ts";
import type { OperatorResult } from "../operator.ts";
import type { OperatorHost } from "../operator-host.ts";
import { createTestContext, createTestHost } from "../operator-context.testsuite.ts";
import { sqlOperator, sqlSchema } from "./sql-operator.ts";

let database: TestDatabase;
let client: Client;
let host: OperatorHost;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.connectionString });
  await client.connect();
  host = hostOf(database.connectionString);
});
afterAll(async () => {
  await host.sessions.close();
  await client.end();
  await database.drop();
});
beforeEach(async () => {
  await client.query(
    "DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, name text, day date, data jsonb)",
  );
});

function hostOf(address: string): OperatorHost {
  return createTestHost({ connections: { shop: `${address}&pool_max=4`, files: "sqlite::memory:" } });
}

type Fields = Readonly<Record<string, unknown>>;

function run(query: unknown, fields: Fields = {}, signal = new AbortController().signal): Promise<OperatorResult> {
  return sqlOperator.execute(createTestContext({ config: { query, connection: "shop", ...fields }, host, signal }));
}

const rowsOf = (result: OperatorResult): unknown => (result.kind === "success" ? result.outputs?.["rows"] : result);
const count = async (): Promise<number> => Number((await client.query("SELECT count(*) FROM s.t")).rows[0].count);

describe("results", () => {
  test("rows come with their count; every type has a JSON form that loses nothing", async () => {
    const query = `SELECT 1::int4 AS a, 9007199254740993::int8 AS big, 5::int8 AS small, 1.10::numeric AS exact, 0.5::float8 AS f,
      'NaN'::float8 AS nan, true AS yes, null AS nothing, '2026-01-31'::date AS day, '{"k":[1]}'::jsonb AS doc,
      '2026-01-31 10:00:00'::timestamp AS at, '{1,2}'::int[] AS list, '\\xff'::bytea AS bytes`;
    expect(await run(query)).toEqual({
      kind: "success",
      outputs: {
        count: 1,
        rows: [
          {
            a: 1,
            big: "9007199254740993",
            small: 5,
            exact: "1.10",
            f: 0.5,
            nan: "NaN",
            yes: true,
            nothing: null,
            day: "2026-01-31",
            doc: { k: [1] },
            at: "2026-01-31 10:00:00",
            list: "{1,2}",
            bytes: "\\xff",
          },
        ],
      },
    });
  });

  test("what changes rows gives their count; count and none say it outright", async () => {
    expect(await run("INSERT INTO s.t (id) VALUES (1), (2)")).toEqual({ kind: "success", outputs: { count: 2 } });
    expect(await run("SELECT * FROM s.t", { result: "count" })).toEqual({ kind: "success", outputs: { count: 2 } });
    expect(await run("SELECT * FROM s.t", { result: "none" })).toEqual({ kind: "success", outputs: {} });
    expect(await run("UPDATE s.t SET name = 'x' WHERE id = 1 RETURNING id, name")).toMatchObject({
      outputs: { rows: [{ id: 1, name: "x" }], count: 1 },
    });
  });

  test("of several statements the last one with rows counts; columns with one name are told apart", async () => {
    expect(rowsOf(await run("SELECT 1 AS a; SELECT 2 AS a, 3 AS a; INSERT INTO s.t (id) VALUES (5)"))).toEqual([
      { a: 2, a_2: 3 },
    ]);
  });

  test("too many rows, or too large ones, fail by the limit's name and change nothing", async () => {
    const insert = "INSERT INTO s.t (id) VALUES (1);";
    expect(await run(`${insert} SELECT generate_series(1, 10001)`)).toMatchObject({
      code: "invalid_output",
      message:
        "the query returns more than 10000 rows: add LIMIT, ask for fewer columns, or set `result: count`; nothing was changed",
    });
    expect(await run(`${insert} SELECT repeat('x', 1100000)`)).toMatchObject({
      code: "invalid_output",
      message: expect.stringMatching(/^the rows have \d+ bytes as JSON; an output has at most 1048576: /),
    });
    expect(await run(`${insert} SELECT repeat('x', 100000) FROM generate_series(1, 9000)`)).toMatchObject({
      code: "invalid_output",
      message: expect.stringContaining("more than 4194304 bytes"),
    });
    expect(await count()).toBe(0);
    expect(await run(`${insert} SELECT generate_series(1, 20000)`, { result: "count" })).toMatchObject({
      outputs: { count: 20_000 },
    });
  });
});

describe("values", () => {
  const hostile = ["'", "''", "\\", "'; DROP TABLE s.t; --", "$1", "${x}", "{{ x }}", "\u{1f600}", '"', "%", "\n"];

  test.each(hostile)("%j arrives unchanged, wherever it stands", async (value) => {
    const query = ["SELECT '", { value }, "' AS a, ", { value }, "::text AS b, 'x", { value }, "y''z' AS c"];
    expect(rowsOf(await run(query))).toEqual([{ a: value, b: value, c: `x${value}y'z` }]);
  });

  test("a NUL, which PostgreSQL can't keep, fails", async () => {
    expect(await run(["SELECT ", { value: "a\0" }, "::text"])).toMatchObject({
      code: "database_error",
      retryable: false,
    });
  });

  test("take the type of their place: dates, numbers, arrays, JSON, null", async () => {
    const insert = [
      "INSERT INTO s.t VALUES ('",
      { value: 7 },
      "', ",
      { value: 5 },
      ", '",
      { value: "2026-01-31" },
      "', ",
      { value: [{ a: "b" }] },
      ")",
    ];
    expect(await run(insert)).toMatchObject({ outputs: { count: 1 } });
    const select = [
      "SELECT name, data FROM s.t WHERE id = ANY(",
      { value: [1, 7] },
      ") AND day < ",
      { value: "2026-02-01" },
    ];
    expect(rowsOf(await run(select))).toEqual([{ name: "5", data: [{ a: "b" }] }]);
    expect(rowsOf(await run(["SELECT ", { value: null }, "::int AS n, ", { value: true }, "::bool AS b"]))).toEqual([
      { n: null, b: true },
    ]);
    const texts = ["SELECT ", { value: ['a"b', null, "c\\d", [1]] }, "::text AS t"];
    expect(rowsOf(await run(texts))).toEqual([{ t: '["a\\"b",null,"c\\\\d",[1]]' }]);
    expect(rowsOf(await run(["SELECT unnest(", { value: ['a"b', "c\\d", null] }, "::text[]) AS t"]))).toEqual([
      { t: 'a"b' },
      { t: "c\\d" },
      { t: null },
    ]);
  });

  test("names are quoted as such", async () => {
    const query = ["SELECT ", { name: "id" }, " FROM s.", { name: "t" }, " ORDER BY ", { name: 'no"pe' }];
    expect(await run(query)).toMatchObject({ code: "syntax", message: expect.stringContaining('no"pe') });
  });

  test("parameters come by name or number", async () => {
    expect(rowsOf(await run("SELECT :a::int + :a::int AS n", { parameters: { a: 2 } }))).toEqual([{ n: 4 }]);
    expect(rowsOf(await run("SELECT $2::int AS n, $1::text AS t", { parameters: ["x", 3] }))).toEqual([
      { n: 3, t: "x" },
    ]);
    expect(await run("SELECT :b", { parameters: { a: 1 } })).toMatchObject({ code: "configuration" });
  });
});

describe("one transaction", () => {
  test("a wrong statement has no effect, whichever it is", async () => {
    for (const wrong of [
      "SELEC 1",
      "SELECT nothing_such",
      "INSERT INTO s.nowhere VALUES (1)",
      "INSERT INTO s.t (id) VALUES (1)",
    ]) {
      const result = await run(`INSERT INTO s.t (id) VALUES (1); INSERT INTO s.t (id) VALUES (2); ${wrong}`);
      expect(result).toMatchObject({
        kind: "failed",
        message: expect.stringMatching(/^statement 3 of 3: /),
        retryable: false,
      });
    }
    expect(await count()).toBe(0);
  });

  test("all are checked before the first one runs", async () => {
    await client.query("CREATE SEQUENCE s.n");
    expect(await run("SELECT nextval('s.n'); SELEC 1")).toMatchObject({ code: "syntax" });
    expect((await client.query("SELECT is_called FROM s.n")).rows).toEqual([{ is_called: false }]);
  });

  test("a statement may use what an earlier one made", async () => {
    const query =
      "CREATE TABLE s.made (id int); INSERT INTO s.made VALUES (1); ALTER TABLE s.made ADD x int; SELECT * FROM s.made";
    expect(rowsOf(await run(query))).toEqual([{ id: 1, x: null }]);
  });

  test.each(["BEGIN", "COMMIT", "rollback", "START TRANSACTION", "END"])(
    "%s is refused before anything runs",
    async (word) => {
      expect(await run(`INSERT INTO s.t (id) VALUES (1); ${word}`)).toMatchObject({
        code: "configuration",
        message: expect.stringContaining("one transaction already"),
      });
      expect(await count()).toBe(0);
    },
  );

  test("nothing is left for the next user of the session", async () => {
    await run("SET search_path = s; CREATE TEMP TABLE left_behind (id int)");
    expect(await run("SELECT * FROM left_behind")).toMatchObject({ code: "syntax" });
    expect(rowsOf(await run("SHOW search_path"))).toEqual([{ search_path: expect.stringContaining("public") }]);
  });
});

describe("failures", () => {
  test("name the code, the line and column, and show the line, never a value", async () => {
    const query = ["SELECT 1;\n\nSELECT id,\n  nam FROM s.t WHERE name = '", { value: "hunter2" }, "'"];
    const result = await run(query);
    expect(result).toMatchObject({
      code: "syntax",
      retryable: false,
      message:
        'statement 2 of 2: column "nam" does not exist. Perhaps you meant to reference the column "t.name". (42703), at line 4, column 3: nam FROM s.t WHERE name = $1',
    });
  });

  test.each([
    ["SELECT 1/0", "database_error", "22012", false],
    ["INSERT INTO s.t VALUES (1); INSERT INTO s.t VALUES (1)", "database_error", "23505", false],
    ["SELECT * FROM s.nowhere", "syntax", "42P01", false],
    ["DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", "database_error", "40001", true],
    ["DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", "database_error", "53300", true],
    ["DO $$ BEGIN RAISE SQLSTATE '08006'; END $$", "connection", "08006", true],
  ])("%s", async (query, code, state, retryable) => {
    const result = await run(query);
    expect(result).toMatchObject({ code, retryable, message: expect.stringContaining(`(${state})`) });
  });

  test("a server that is not there is tried again; a wrong database or password is not", async () => {
    const nobody = createTestHost({ connections: { shop: "postgres://u@127.0.0.1:1/x" } });
    const wrong = hostOf(database.connectionString.replace(/\/test_\w+/, "/no_such_database"));
    const runOn = (host: OperatorHost) =>
      sqlOperator.execute(createTestContext({ config: { query: "SELECT 1", connection: "shop" }, host }));
    expect(await runOn(nobody)).toMatchObject({ code: "connection", retryable: true });
    expect(await runOn(wrong)).toMatchObject({
      code: "configuration",
      retryable: false,
      message: expect.stringMatching(/^the connection shop can't be opened: .*no_such_database.*\(3D000\)$/),
    });
  });

  test("a session that the server ended is told, and the next attempt gets another", async () => {
    expect(await run("SELECT pg_terminate_backend(pg_backend_pid())")).toMatchObject({ retryable: true });
    expect(rowsOf(await run("SELECT 1 AS n"))).toEqual([{ n: 1 }]);
  });
});

describe("stops", () => {
  const sleeping =
    "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(3_)%' AND state = 'active'";
  const sleepers = async (): Promise<number> => Number((await client.query(sleeping)).rows[0].n);

  test("a stop cancels the query on the server, and nothing is kept", async () => {
    const controller = new AbortController();
    const running = run("INSERT INTO s.t (id) VALUES (1); SELECT pg_sleep(31)", {}, controller.signal);
    await expect.poll(sleepers).toBe(1);
    controller.abort(new Error("stopped"));
    await expect(running).rejects.toThrow("stopped");
    await expect.poll(sleepers).toBe(0);
    expect(await count()).toBe(0);
    expect(rowsOf(await run("SELECT 1 AS n"))).toEqual([{ n: 1 }]);
  });

  test("a statement that takes longer than its own timeout fails, is tried again, and is gone", async () => {
    expect(await run("SELECT pg_sleep(32)", { statement_timeout: "200ms" })).toMatchObject({
      code: "timeout",
      retryable: true,
      message: "it took longer than statement_timeout, 200ms",
    });
    await expect.poll(sleepers).toBe(0);
  });

  test("who waits for a session of a full pool can be stopped, and gets one when it comes back", async () => {
    const one = createTestHost({ connections: { shop: `${database.connectionString}&pool_max=1` } });
    onTestFinished(() => one.sessions.close());
    const runOn = (query: string, signal: AbortSignal) =>
      sqlOperator.execute(createTestContext({ config: { query, connection: "shop" }, host: one, signal }));
    const [first, second] = [new AbortController(), new AbortController()];
    const holding = runOn("SELECT pg_sleep(33)", first.signal).catch(() => "ended");
    await expect.poll(sleepers).toBe(1);
    const stopped = runOn("SELECT 1", second.signal);
    const waiting = runOn("SELECT 2 AS n", new AbortController().signal);
    second.abort(new Error("no more"));
    await expect(stopped).rejects.toThrow("no more");
    first.abort();
    expect(rowsOf(await waiting)).toEqual([{ n: 2 }]);
    expect(await holding).toBe("ended");
  });
});

describe("where it runs, and its fields", () => {
  test("SQLite in a process of its own, servers and what is unknown in the worker's", () => {
    const { inProcess } = sqlOperator;
    if (typeof inProcess === "boolean") throw new Error("a function was expected");
    expect(["shop", "files", "FILES", "nowhere"].map((connection) => inProcess({ connection }, host))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test.each([
    [{ query: "SELECT 1", connection: "a" }, true],
    [{ sql_query: "SELECT 1", database_connection: "a", parameters: { x: 1 }, result: "count" }, true],
    [{ query: "SELECT 1", connection: "a", parameters: "{{ x }}", result: "{{ x }}", statement_timeout: "5s" }, true],
    [{ query: "SELECT 1" }, false],
    [{ query: "SELECT 1", sql_query: "SELECT 1", connection: "a" }, false],
    [{ query: "SELECT 1", connection: "a", database_connection: "a" }, false],
    [{ query: "SELECT 1", connection: "a", parameters: 5 }, false],
    [{ query: "SELECT 1", connection: "a", result: "all" }, false],
    [{ query: "SELECT 1", connection: "a", statement_timeout: "soon" }, false],
  ])("%j: %s", (fields, isValid) => {
    expect(sqlSchema.fields.safeParse(fields).success).toBe(isValid);
  });
});
