import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import mysql, { type Connection, type ConnectionOptions, type PrepareStatementInfo } from "mysql2";
import type { BoundStatement, SqlValue } from "#sql/bind-statement.ts";
import type { MysqlConnection } from "../connection.ts";
import { mysqlFailure } from "./mysql-failure.ts";
import { connectTimeoutMs } from "./session-limits.ts";
import { RowCollector, type RowLimits, type SqlSession, type StatementOutcome } from "./sql-session.ts";

/** A statement that the server takes as text alone, such as some that define things. */
const notPreparable = "ER_UNSUPPORTED_PS";

/** A session with a MySQL or MariaDB server. */
export async function openMysqlSession(connection: MysqlConnection): Promise<SqlSession> {
  const client = await connect(connection);
  let isBroken = false;
  client.on("error", () => {
    isBroken = true;
  });
  client.on("end", () => {
    isBroken = true;
  });
  const command = (text: string): Promise<void> => call((done) => client.query(text, done));
  const cancel = (): Promise<void> => {
    isBroken = true;
    return killQuery(connection, client.threadId);
  };
  return {
    dialect: "mysql",
    get isBroken() {
      return isBroken;
    },
    check: async (text) => void (await prepare(client, text)),
    begin: () => command("START TRANSACTION"),
    commit: () => command("COMMIT"),
    rollback: () => command("ROLLBACK"),
    run: async (statement, keep) => {
      const onExceeded = (): void => void cancel().catch(() => undefined);
      const prepared = await prepare(client, statement.text);
      return readOutcome(client, { statement, prepared, keep, onExceeded });
    },
    cancel,
    reset: () => call((done) => (client as Connection & { reset(done: Done): void }).reset(done)),
    close: async () => {
      isBroken = true;
      client.destroy();
      // The driver only says goodbye; a server that does not answer would keep what runs waiting.
      (client as Connection & { readonly stream: Duplex }).stream.destroy();
    },
    describeFailure: mysqlFailure,
  };
}

type Done = (error: Error | null) => void;

function call(start: (done: Done) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}

async function connect(connection: MysqlConnection): Promise<Connection> {
  const { host, port, user, password, database } = connection;
  const options: ConnectionOptions = {
    ...(host.startsWith("/") ? { socketPath: host } : { host, port }),
    ...(user === "" ? {} : { user }),
    password,
    ...(database === "" ? {} : { database }),
    ...sslOf(connection),
    connectTimeout: connectTimeoutMs,
    charset: "utf8mb4",
    rowsAsArray: true,
    // Dates as the server writes them, numbers exactly or as text.
    dateStrings: true,
    supportBigNumbers: true,
    // No code is made from column names that a server chose.
    disableEval: true,
    flags: ["-LOCAL_FILES"],
  };
  const client = mysql.createConnection(options);
  // Without a listener a broken connection would end the process.
  client.on("error", () => {});
  await call((done) => client.connect(done));
  return client;
}

function sslOf({ sslMode, sslRootCert }: MysqlConnection): ConnectionOptions {
  if (sslMode === "disable") return {};
  const ca = sslRootCert === null ? {} : { ca: readFileSync(sslRootCert, "utf8") };
  return { ssl: { rejectUnauthorized: sslMode === "verify-full", verifyIdentity: sslMode === "verify-full", ...ca } };
}

/** Null: the server takes this kind of statement as text alone. */
function prepare(client: Connection, text: string): Promise<PrepareStatementInfo | null> {
  return new Promise((resolve, reject) => {
    client.prepare(text, (error, statement) => {
      if (error === null) resolve(statement);
      else if (error.code === notPreparable) resolve(null);
      else reject(error);
    });
  });
}

interface Reading {
  readonly statement: BoundStatement;
  readonly prepared: PrepareStatementInfo | null;
  readonly keep: RowLimits | null;
  readonly onExceeded: () => void;
}

/** Of several results, as a procedure may give, the last one with rows counts. */
function readOutcome(
  client: Connection,
  { statement, prepared, keep, onExceeded }: Reading,
): Promise<StatementOutcome> {
  return new Promise((resolve, reject) => {
    let collector = new RowCollector(keep);
    let columns: readonly string[] | null = null;
    let count = 0;
    const query = prepared === null ? client.query(statement.text) : prepared.execute([...statement.values] as never[]);
    query.on("fields", (fields: readonly { readonly name: string }[] | undefined) => {
      if (fields === undefined) return;
      columns = fields.map(({ name }) => name);
      collector = new RowCollector(keep);
      count = 0;
    });
    query.on("result", (row: unknown) => {
      if (!Array.isArray(row)) {
        if (columns === null) count = (row as { readonly affectedRows: number }).affectedRows;
        return;
      }
      count += 1;
      const isFirst = collector.exceeded === null;
      collector.add(() => row.map(fromMysql), sizeOf(row));
      if (isFirst && collector.exceeded !== null) onExceeded();
    });
    const finish = (): void => resolve({ columns, rows: collector.rows, count, exceeded: collector.exceeded });
    query.on("error", (error: Error) => (collector.exceeded === null ? reject(error) : finish()));
    query.on("end", finish);
  });
}

/** Bytes become base64. */
function fromMysql(cell: unknown): SqlValue {
  return Buffer.isBuffer(cell) ? cell.toString("base64") : (cell as SqlValue);
}

function sizeOf(row: readonly unknown[]): number {
  return row.reduce<number>(
    (sum, cell) => sum + (typeof cell === "string" || Buffer.isBuffer(cell) ? cell.length : 8),
    0,
  );
}

async function killQuery(connection: MysqlConnection, threadId: number): Promise<void> {
  const client = await connect(connection);
  try {
    await call((done) => client.query(`KILL QUERY ${threadId}`, done));
  } finally {
    client.destroy();
  }
}
