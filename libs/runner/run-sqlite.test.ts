import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OperatorResult } from "#operators/operator.ts";
import { createTestContext, createTestHost } from "#operators/operator-context.testsuite.ts";
import { sqlOperator } from "#operators/sql/sql-operator.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildAttemptEnvironment, selectHostVariables } from "./attempt-environment.ts";
import { RunnerClient } from "./runner-client.ts";

const variables = selectHostVariables(process.env);
let dataDir = "";
let file = "";
let client: RunnerClient;
let count = 0;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
  const logger = createLogger({ level: "silent", format: "json", component: "test" });
  client = new RunnerClient({ dataDir, environment: variables, logger });
});
afterAll(async () => {
  await client.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
beforeEach(() => {
  file = join(dataDir, `${(count += 1)}.db`);
  look((database) => database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"));
});
afterEach(() => rmSync(file, { force: true }));

function look<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

const rowCount = (): unknown => look((database) => database.prepare("SELECT count(*) AS n FROM t").get()?.["n"]);

interface Ran {
  readonly result: OperatorResult;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Starts a query as a worker does; `stop` ends it as a timeout would. */
function start(query: unknown, fields: Readonly<Record<string, unknown>> = {}, query_ = "") {
  const attempt = client.open({
    token: `sqlite-${process.pid}-${(count += 1)}`,
    logMaxBytes: 1024 * 1024,
    credit: 1024 * 1024,
    captureStdout: false,
    onLog: () => {},
  });
  const facts = {
    ...{ dagRunId: "r", dagId: "d", taskId: "t", tryNumber: 1, logicalDate: "", idempotencyKey: "" },
    ...{ dagDirectory: "", traceparent: "" },
  };
  const context = createTestContext({
    config: { query, connection: "files", ...fields },
    host: createTestHost({ connections: { files: `sqlite://${file}${query_}` } }),
    environment: buildAttemptEnvironment([variables], facts, attempt.directories),
    workingDirectory: attempt.directories.work,
    startProcess: (options) => attempt.startProcess(options),
  });
  const ended = sqlOperator.execute(context).then(async (result): Promise<Ran> => {
    const closed = await attempt.close();
    return {
      result,
      outputs: Object.fromEntries(closed.outputs.map(({ key, json }) => [key, JSON.parse(json) as unknown])),
    };
  });
  return { ended, stop: () => attempt.stop("timeout", 0) };
}

const run = (...given: Parameters<typeof start>): Promise<Ran> => start(...given).ended;

describe("sql on SQLite", () => {
  test("rows and counts become outputs; every type has a JSON form that loses nothing", async () => {
    const query = "SELECT 1 AS a, 9007199254740993 AS big, 0.5 AS f, NULL AS empty, x'ff' AS bytes, 'ü' AS text";
    expect((await run(query)).outputs).toEqual({
      count: 1,
      rows: [{ a: 1, big: "9007199254740993", f: 0.5, empty: null, bytes: "/w==", text: "ü" }],
    });
    expect((await run("INSERT INTO t (name) VALUES ('a'), ('b')")).outputs).toEqual({ count: 2 });
    expect((await run("SELECT * FROM t", { result: "none" })).outputs).toEqual({});
    expect(rowCount()).toBe(2);
  });

  test.each(["'", "\\", "'; DROP TABLE t; --", "\u{1f600}", "[x]", "`"])("%j arrives unchanged", async (value) => {
    const query = [
      "INSERT INTO t VALUES (",
      { value: 5 },
      ", '",
      { value },
      "'); SELECT 'x",
      { value },
      "' AS x LIMIT ",
      { value: 1 },
    ];
    const { result, outputs } = await run(query);
    expect(outputs["rows"]).toEqual([{ x: `x${value}` }]);
    expect(result).toMatchObject({ kind: "success" });
    expect(look((database) => database.prepare("SELECT id, name FROM t").get())).toEqual({ id: 5, name: value });
  });

  test("a wrong statement has no effect, also at the end of a transaction with definitions", async () => {
    const { result } = await run("INSERT INTO t (name) VALUES ('a'); CREATE TABLE u (x); SELEC 1");
    expect(result).toMatchObject({
      code: "syntax",
      retryable: false,
      message:
        'statement 3 of 3: near "SELEC": syntax error (SQLITE_ERROR), in the statement that begins at line 1: SELEC 1',
    });
    const twice = await run("INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (1, 'b')");
    expect(twice.result).toMatchObject({
      code: "database_error",
      message: expect.stringContaining("SQLITE_CONSTRAINT"),
    });
    expect(rowCount()).toBe(0);
  });

  test("a statement may use what an earlier one made", async () => {
    const { outputs } = await run("CREATE TABLE u (x); INSERT INTO u VALUES (7); SELECT x FROM u");
    expect(outputs).toEqual({ rows: [{ x: 7 }], count: 1 });
  });

  test("too many rows fail and change nothing", async () => {
    const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    const { result } = await run(`INSERT INTO t (name) VALUES ('a'); ${endless}`);
    expect(result).toMatchObject({ code: "invalid_output", message: expect.stringContaining("more than 10000 rows") });
    expect(rowCount()).toBe(0);
  });

  test("a stop ends a query that never would, and nothing of it is kept", async () => {
    const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const { ended, stop } = start(`INSERT INTO t (name) VALUES ('a'); ${endless}`);
    await expect.poll(isLocked, { timeout: 10_000 }).toBe(true);
    stop();
    expect((await ended).result).toMatchObject({ kind: "failed", code: "signal" });
    expect(rowCount()).toBe(0);
  });

  test("a file that another holds is tried again; one that is not there, or may only be read, is not", async () => {
    const holder = new DatabaseSync(file);
    holder.exec("BEGIN IMMEDIATE");
    const locked = await run("INSERT INTO t (name) VALUES ('a')");
    holder.close();
    expect(locked.result).toMatchObject({ retryable: true, message: expect.stringContaining("SQLITE_BUSY") });
    expect((await run("INSERT INTO t (name) VALUES ('a')", {}, "?read_only=true")).result).toMatchObject({
      retryable: false,
      message: expect.stringContaining("SQLITE_READONLY"),
    });
    file = join(dataDir, "no", "such", "file.db");
    expect((await run("SELECT 1")).result).toMatchObject({ code: "configuration", retryable: false });
  });

  test("a timeout for each statement is refused with the way out", async () => {
    expect((await run("SELECT 1", { statement_timeout: "5s" })).result).toMatchObject({
      code: "configuration",
      message: "statement_timeout: SQLite has none; set the task's `timeout`",
    });
  });
});

function isLocked(): boolean {
  return look((database) => {
    try {
      database.exec("BEGIN IMMEDIATE; ROLLBACK");
      return false;
    } catch {
      return true;
    }
  });
}
