import { readFileSync, writeFileSync } from "node:fs";
import type { SqliteConnection } from "#connections/connection.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { AppError } from "#errors/app-error.ts";
import { runRequest } from "./run-request.ts";
import { toOutputs } from "./sql-outputs.ts";
import type { SqlRequest } from "./sql-request.ts";
import type { SqlFailure } from "./statement-failure.ts";

/** What the process reads from its standard input, as JSON. */
export interface SqliteInput extends Omit<SqlRequest, "connection" | "statementTimeoutMs"> {
  readonly connection: SqliteConnection;
  /** Where the outputs go. */
  readonly outputFile: string;
}

/** Its whole text fits into what is kept of standard error. */
const maxMessageLength = 1000;

/** One query on a SQLite file: outputs go to the output file, a failure as JSON to standard error. */
async function run({ connection, statements, result, outputFile }: SqliteInput): Promise<SqlFailure | null> {
  const session = await openSession(connection);
  const ran = await runRequest(session, { statements, result, statementTimeoutMs: null }, new AbortController().signal);
  await session.close();
  if (ran.kind === "failed") return ran.failure;
  writeFileSync(outputFile, JSON.stringify(toOutputs(ran.last, result)));
  return null;
}

const input = JSON.parse(readFileSync(process.stdin.fd, "utf8")) as SqliteInput;
const failure = await run(input).catch((error: unknown): SqlFailure => {
  if (!(error instanceof AppError)) throw error;
  return { code: "configuration", message: error.message, retryable: error.retryable };
});
if (failure !== null) {
  const message = failure.message.slice(0, maxMessageLength);
  process.stderr.write(JSON.stringify({ ...failure, message }));
  process.exitCode = 1;
}
