import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#errors/app-error.ts";
import type { Binaries } from "./embedded-binaries.ts";
import type { ServerUser } from "./embedded-place.ts";
import { endPostmaster, readPostmasterFile } from "./postmaster-file.ts";

export interface ServerOptions {
  readonly binaries: Binaries;
  readonly user: ServerUser | null;
  readonly cluster: string;
  readonly socketFolder: string;
  readonly logFile: string;
  /** No fsync: for tests, whose data nobody misses. */
  readonly unsafe: boolean;
}

/** Recovery after a crash reads the log since the last checkpoint; more than this is a fault. */
const startDeadlineMs = 120_000;
const maxLogBytes = 10_000_000;

const commonSettings = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  max_connections: "100",
  jit: "off",
  io_method: "sync",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "1GB",
  checkpoint_timeout: "15min",
  random_page_cost: "1.1",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_min_messages: "warning",
};
const durable = { shared_buffers: "128MB", fsync: "on", synchronous_commit: "on" };
const disposable = { shared_buffers: "48MB", fsync: "off", synchronous_commit: "off", full_page_writes: "off" };

/** Starts a server and waits until it answers. The server outlives signals to our process group, not our process. */
export async function startServer(options: ServerOptions): Promise<ChildProcess> {
  const settings = { ...commonSettings, ...(options.unsafe ? disposable : durable) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = await openLog(options.logFile);
  const server = spawn(options.binaries.postgres, ["-D", options.cluster, "-k", options.socketFolder, ...flags], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: { ...options.binaries.environment, LC_ALL: "C", TZ: "UTC" },
    ...options.user,
  });
  const ended = new Promise<string>((resolve) => {
    server.once("error", (error) => resolve(error.message));
    server.once("exit", (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  server.unref();
  try {
    await waitUntilReady(server, ended, options);
  } finally {
    await log.close();
  }
  guardAgainstOrphan(server, options);
  return server;
}

async function waitUntilReady(server: ChildProcess, ended: Promise<string>, options: ServerOptions): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    const failure = await Promise.race([ended, delay(10, null)]);
    if (failure !== null) throw await startError(options.logFile, failure);
    const file = await readPostmasterFile(options.cluster);
    if (file?.pid === server.pid && file?.isReady) return;
  }
  if (server.pid !== undefined) await endPostmaster(server.pid, options.cluster);
  throw await startError(options.logFile, `it was not ready after ${startDeadlineMs / 1000} s`);
}

async function startError(logFile: string, failure: string): Promise<AppError> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  const tail = text.trimEnd().split("\n").slice(-5).join(" | ");
  return new AppError(
    "EMBEDDED_DATABASE_FAILED",
    `the embedded PostgreSQL did not start: ${failure}; ${logFile} says: ${tail}`,
    {
      details: { log: logFile },
    },
  );
}

/**
 * A shell that waits for the end of its input, which only our process holds: when we die, however, it shuts the
 * server down and removes the socket's folder. It reads the server's number again, so that it can't hit another process.
 */
function guardAgainstOrphan(server: ChildProcess, options: ServerOptions): void {
  const script = `read -r _; read -r pid < "$2" && [ "$pid" = "$1" ] && kill -INT "$1" || exit 0
turns=0; while [ -e "$2" ] && [ $turns -lt 300 ]; do sleep 0.1; turns=$((turns+1)); done; rmdir "$3"`;
  const pidFile = join(options.cluster, "postmaster.pid");
  const guard = spawn("/bin/sh", ["-c", script, "sh", String(server.pid), pidFile, options.socketFolder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
    ...options.user,
  });
  guard.on("error", () => undefined);
  guard.stdin?.on("error", () => undefined);
  guard.unref();
  if (guard.stdin !== null && "unref" in guard.stdin && typeof guard.stdin.unref === "function") guard.stdin.unref();
  server.once("exit", () => guard.stdin?.end());
}

async function openLog(logFile: string): Promise<Awaited<ReturnType<typeof open>>> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > maxLogBytes) await truncate(logFile);
  return open(logFile, "a", 0o600);
}
