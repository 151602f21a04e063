import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endWithUs } from "#testing/cluster/end-with-us.ts";
import { findFreePort } from "#testing/free-port.ts";
import type { Shape } from "../shapes.ts";
import { prepareRestate } from "./restate-packages.ts";

const serviceProgram = fileURLToPath(new URL("./graph-service.ts", import.meta.url));
const startDeadlineMs = 60_000;
const stopDeadlineMs = 10_000;
const pollMs = 50;
const shownCharacters = 1000;

export interface Restate {
  /** Milliseconds from the request to its answer. */
  run(shape: Shape): Promise<number>;
  close(): Promise<void>;
}

/**
 * A Restate server with its defaults, its data on disk, and a process with the services that do the same graphs: one
 * durable call for each task. Null: it can't run here, which is said on one loud line.
 */
export async function openRestate(): Promise<Restate | null> {
  try {
    return await startRestate();
  } catch (thrown) {
    console.error(`SKIPPED: Restate, because ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return null;
  }
}

async function startRestate(): Promise<Restate> {
  const { server: program, sdk } = await prepareRestate((line) => console.error(line));
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-restate-"));
  const logFile = join(folder, "server.log");
  const ports = { fabric: await findFreePort(), ingress: await findFreePort(), admin: await findFreePort() };
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(children.map(stop));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const server = await startServer(program, { folder, logFile, ports });
    children.push(server);
    const service = fork(serviceProgram, [sdk], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    children.push(service);
    endWithUs(service);
    const signal = AbortSignal.timeout(startDeadlineMs);
    const [{ port }] = (await once(service, "message", { signal })) as [{ port: number }];
    await register(server, { admin: ports.admin, service: port });
  } catch (thrown) {
    const log = await readFile(logFile, "utf8").catch(() => "");
    await close();
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`it did not get ready: ${reason}; its log ends with\n${log.slice(-shownCharacters)}`, {
      cause: thrown,
    });
  }
  return { run: (shape) => callGraph(ports.ingress, shape), close };
}

interface ServerPlace {
  readonly folder: string;
  readonly logFile: string;
  readonly ports: { readonly fabric: number; readonly ingress: number; readonly admin: number };
}

/** Only where it listens, what it logs and that it reports to nobody differ from its defaults. */
async function startServer(program: string, { folder, logFile, ports }: ServerPlace): Promise<ChildProcess> {
  const log = openSync(logFile, "a");
  try {
    const args = ["--no-logo", "--base-dir", join(folder, "data"), "--node-name", "bench"];
    const child = spawn(program, args, {
      cwd: folder,
      stdio: ["ignore", log, log],
      detached: true,
      env: {
        RESTATE_LISTEN_MODE: "tcp",
        RESTATE_BIND_IP: "127.0.0.1",
        RESTATE_BIND_PORT: String(ports.fabric),
        RESTATE_INGRESS__BIND_PORT: String(ports.ingress),
        RESTATE_ADMIN__BIND_PORT: String(ports.admin),
        RESTATE_LOG_FILTER: "warn",
        RESTATE_DISABLE_TELEMETRY: "true",
      },
    });
    await once(child, "spawn");
    endWithUs(child);
    return child;
  } finally {
    closeSync(log);
  }
}

/** Tells the server where the services are; tried until it takes it. */
async function register(server: ChildProcess, ports: { admin: number; service: number }): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline && server.exitCode === null) {
    const isTaken = await fetch(`http://127.0.0.1:${ports.admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `http://127.0.0.1:${ports.service}` }),
    }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isTaken) return;
    await delay(pollMs);
  }
  throw new Error("the services could not be registered");
}

async function callGraph(port: number, shape: Shape): Promise<number> {
  const start = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/graph/run`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(shape.layers),
  });
  const layers = await answer.json();
  if (layers !== shape.layers.length) throw new Error(`Restate answered ${JSON.stringify(layers).slice(0, 500)}`);
  return performance.now() - start;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopDeadlineMs);
  await ended;
  clearTimeout(timer);
}
