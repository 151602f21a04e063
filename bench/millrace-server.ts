import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "#testing/free-port.ts";
import { triggerAndWait } from "./gateway-calls.ts";
import { dagId, type Shape } from "./shapes.ts";

const startDeadlineMs = 30_000;

export interface BenchServer {
  /** Triggers a run and waits for its end; answers the milliseconds between, as a client sees them. */
  run(shape: Shape): Promise<number>;
  /** Resolves when this version of the definition is in force. */
  waitForVersion(dag: string, version: number): Promise<void>;
  /** Processes, for memory and idle figures. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

/** `millrace dev` on the given database, with 64 slots. */
export async function startDev(connectionString: string, dags: string): Promise<BenchServer> {
  const port = await findFreePort();
  const common = ["--dags", dags, "--log-level", "warn"];
  return startProcesses(connectionString, port, [
    ["dev", "--no-open", "--port", String(port), "--slots", "64", ...common],
  ]);
}

/** The five services as five processes on the given database, backend `stream`, one worker with so many slots. */
export async function startFive(connectionString: string, dags: string, slots = 64): Promise<BenchServer> {
  const [gateway, parser, scheduler, executor, worker] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const peers = ["--parser", url(parser), "--scheduler", url(scheduler), "--executors", url(executor)];
  const service = (name: string, port: number, ...flags: readonly string[]): readonly string[] => [
    "start",
    name,
    "--port",
    String(port),
    "--log-level",
    "warn",
    ...flags,
  ];
  return startProcesses(connectionString, gateway, [
    service("parser", parser, "--dags", dags),
    service("scheduler", scheduler),
    service("executor", executor, "--dags", dags),
    service("worker", worker, "--executors", url(executor), "--slots", String(slots)),
    service("gateway", gateway, ...peers),
  ]);
}

async function startProcesses(
  connectionString: string,
  port: number,
  commands: readonly (readonly string[])[],
): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const children = commands.map((command) =>
    spawn(process.execPath, ["bin/millrace.js", ...command, "--data-dir", join(dataDir, command[1] ?? "all")], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, DATABASE_URL: connectionString },
    }),
  );
  const gateway = url(port);
  try {
    await waitUntilHealthy(gateway, children);
  } catch (error) {
    await Promise.all(children.map(stop));
    throw error;
  }
  return {
    run: (shape) => triggerAndWait(gateway, dagId(shape)),
    waitForVersion: (dag, version) => waitForVersion(gateway, dag, version),
    pids: children.flatMap((child) => (child.pid === undefined ? [] : [child.pid])),
    close: async () => {
      await Promise.all(children.map(stop));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function url(port: number): string {
  return `http://127.0.0.1:${port}`;
}

async function waitForVersion(base: string, dag: string, version: number): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    const answer = await fetch(`${base}/api/v1/dags/${dag}`);
    if (answer.ok && ((await answer.json()) as { version: number }).version >= version) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`version ${version} of ${dag} did not come into force within ${startDeadlineMs} ms`);
}

async function waitUntilHealthy(base: string, children: readonly ChildProcess[]): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  for (;;) {
    const dead = children.find((child) => child.exitCode !== null);
    if (dead !== undefined) throw new Error(`a server process ended with exit code ${dead.exitCode}`);
    const isHealthy = await fetch(`${base}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
    const knowsAll =
      isHealthy &&
      (await fetch(`${base}/api/v1/dags/bench_one`).then(
        (answer) => answer.ok,
        () => false,
      ));
    if (knowsAll) return;
    if (performance.now() > deadline) throw new Error(`no healthy server on ${base} within ${startDeadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
