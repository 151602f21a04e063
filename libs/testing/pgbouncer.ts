import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serverUser } from "#store/postgres/embedded-place.ts";
import { endWithUs } from "./cluster/end-with-us.ts";
import { findFreePort } from "./free-port.ts";
import { findProgram } from "./find-program.ts";
import { saySkippedWithout } from "./skipped-tests.ts";

/** A pooler in transaction mode before a server. Its address stays from start to start. */
export interface Pgbouncer {
  /** The server's database through it. */
  readonly connectionString: string;
  readonly isRunning: boolean;
  /** Does nothing when it runs. */
  start(): Promise<void>;
  /** SIGKILL: the sessions of all clients are gone. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

const startDeadlineMs = 10_000;
const pollMs = 20;
const program = findProgram("pgbouncer");

/** Whether tests that need it are to be skipped, because this machine has none. */
export function skipsWithoutPgbouncer(): boolean {
  if (program !== null) return false;
  saySkippedWithout("tests with PgBouncer", "pgbouncer is not installed");
  return true;
}

export interface PgbouncerOptions {
  /** The server. */
  readonly connectionString: string;
  /** Few for many clients, so that each transaction may meet another's; 8 unless given. */
  readonly sessions?: number;
  /** Statements that each session begins with. */
  readonly connectQuery?: string;
}

export async function startPgbouncer(options: PgbouncerOptions): Promise<Pgbouncer> {
  const port = await findFreePort();
  const folder = await mkdtemp(join(tmpdir(), "millrace-pgbouncer-"));
  await chmod(folder, 0o711);
  const config = await writeConfig(folder, { ...options, port });
  let child: ChildProcess | null = null;

  async function start(): Promise<void> {
    if (child !== null && isAlive(child)) return;
    child = launch(config);
    await waitForPort(port, child);
  }

  async function kill(): Promise<void> {
    if (child === null || !isAlive(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async function close(): Promise<void> {
    await kill();
    await rm(folder, { recursive: true, force: true });
  }

  await start().catch(async (thrown: unknown) => {
    await close();
    throw thrown;
  });
  const through = new URL(options.connectionString);
  for (const name of ["host", "port"]) through.searchParams.delete(name);
  through.host = `127.0.0.1:${port}`;
  return {
    connectionString: through.href,
    get isRunning() {
      return child !== null && isAlive(child);
    },
    start,
    kill,
    close,
  };
}

async function writeConfig(folder: string, options: PgbouncerOptions & { readonly port: number }): Promise<string> {
  const server = new URL(options.connectionString);
  const host = server.searchParams.get("host") ?? server.hostname;
  const port = server.searchParams.get("port") ?? (server.port === "" ? "5432" : server.port);
  const users = join(folder, "users.txt");
  await writeFile(users, `"${decodeURIComponent(server.username)}" ""\n`);
  const config = join(folder, "pgbouncer.ini");
  const connectQuery = (options.connectQuery ?? "SELECT 1").replaceAll("'", "''");
  const lines = [
    "[databases]",
    `* = host=${host} port=${port} connect_query='${connectQuery}'`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${options.port}`,
    "unix_socket_dir =",
    "auth_type = trust",
    `auth_file = ${users}`,
    "pool_mode = transaction",
    `default_pool_size = ${options.sessions ?? 8}`,
    "max_client_conn = 1000",
    // Else a server that was away is tried again only after 15 s.
    "server_login_retry = 1",
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  return config;
}

/** It refuses root, as the server does. */
function launch(config: string): ChildProcess {
  if (program === null) throw new Error("pgbouncer is not installed");
  const child = spawn(program, ["--quiet", config], { cwd: "/", stdio: "ignore", detached: true, ...serverUser() });
  child.on("error", () => undefined);
  endWithUs(child);
  return child;
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function waitForPort(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (!(await takesConnections(port))) {
    if (!isAlive(child)) throw new Error(`pgbouncer ended with ${child.signalCode ?? `code ${child.exitCode}`}`);
    if (performance.now() > deadline) throw new Error(`pgbouncer did not listen within ${startDeadlineMs} ms`);
    await delay(pollMs);
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
