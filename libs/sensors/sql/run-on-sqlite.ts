import { spawn } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { SqliteConnection } from "#connections/connection.ts";
import { AppError } from "#errors/app-error.ts";
import type { QueryResult } from "./run-query.ts";
import type { SqliteQuery } from "./sqlite-query-process.ts";

/** Of what the process prints; rows as JSON are longer than what is counted of them. */
const maxOutputBytes = 64 * 1024 * 1024;

/** Runs a query of SQLite, which blocks whoever runs it, in a process of its own. A stop kills it. */
export async function runOnSqlite(
  connection: SqliteConnection,
  { signal, ...query }: Omit<SqliteQuery, "connection"> & { readonly signal: AbortSignal },
): Promise<QueryResult> {
  signal.throwIfAborted();
  const path = fileURLToPath(new URL(`./sqlite-query-process${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  try {
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    // A process that has died reads nothing; its end tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(JSON.stringify({ connection, ...query } satisfies SqliteQuery));
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxOutputBytes) kill();
      else pieces.push(piece);
    }
    const code = await ended;
    signal.throwIfAborted();
    if (code !== 0) throw new AppError("SENSOR_FAILED", `the query's process ended with ${String(code)}`);
    return JSON.parse(Buffer.concat(pieces).toString("utf8")) as QueryResult;
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}
