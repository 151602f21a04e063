import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { SqliteConnection } from "#connections/connection.ts";
import type { OperatorContext, OperatorResult } from "../operator.ts";
import { toOperatorResult } from "../process-outcome.ts";
import type { SqliteInput } from "./sqlite-process.ts";
import type { SqlRequest } from "./sql-request.ts";
import type { SqlFailure } from "./statement-failure.ts";

/** Runs a query in a process of its own, which leaves the outputs in the attempt's output file. */
export async function runSqlite(
  { startProcess, environment, workingDirectory }: OperatorContext,
  { connection, statements, result }: SqlRequest & { readonly connection: SqliteConnection },
): Promise<OperatorResult> {
  const path = fileURLToPath(new URL(`./sqlite-process${extname(import.meta.url)}`, import.meta.url));
  const outputFile = environment["MILLRACE_OUTPUT"] ?? "";
  const input: SqliteInput = { connection, statements, result, outputFile };
  const ended = await startProcess({
    file: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", path],
    environment,
    cwd: workingDirectory,
    input: JSON.stringify(input),
    logOutput: false,
  });
  const failure = ended.exitCode === 1 ? readFailure(ended.stderrTail) : null;
  return failure === null ? toOperatorResult(ended) : { kind: "failed", ...failure };
}

/** Null for what is no failure that the process found itself. */
function readFailure(text: string): SqlFailure | null {
  try {
    return JSON.parse(text) as SqlFailure;
  } catch {
    return null;
  }
}
