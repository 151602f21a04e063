import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import mysql from "mysql2/promise";
import { findProgram } from "./find-program.ts";
import { saySkippedWithout } from "./skipped-tests.ts";

export interface MariadbServer {
  /** An address of a database `test`. */
  readonly address: string;
  stop(): Promise<void>;
}

const installProgram = "mariadb-install-db";
const startTimeoutMs = 30_000;

/** The server's program; null where this machine has none, which is said. */
export const mariadbPath: string | null = findProgram("mariadbd");
if (mariadbPath === null) saySkippedWithout("tests with MariaDB", "mariadbd is not installed");

/** A server of its own in a temporary folder, reached by a socket. */
export async function startMariadb(path: string): Promise<MariadbServer> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-mariadb-"));
  const socket = join(folder, "socket");
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  const shared = ["--no-defaults", `--datadir=${join(folder, "data")}`, ...user];
  const installed = spawnSync(
    installProgram,
    [...shared, "--auth-root-authentication-method=normal", "--skip-test-db"],
    { encoding: "utf8" },
  );
  if (installed.status !== 0) throw new Error(`${installProgram} failed: ${installed.stdout}${installed.stderr}`);
  const server = spawn(path, [...shared, `--socket=${socket}`, "--skip-networking"], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await createDatabase(socket);
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `mysql://root@${encodeURIComponent(socket)}/test`, stop };
}

async function createDatabase(socketPath: string): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      const connection = await mysql.createConnection({ socketPath, user: "root" });
      await connection.query("CREATE DATABASE test");
      await connection.end();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}
