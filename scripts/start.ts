import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT, toolEnvironment } from "./process/run-command.ts";
import { planStart } from "./start/dev-arguments.ts";

const HEALTH_DEADLINE_MS = 60_000;
const HEALTH_INTERVAL_MS = 50;
const PROBE_TIMEOUT_MS = 1_000;

// Serves the examples on an embedded PostgreSQL, runs the first of them with live progress and keeps serving.
const plan = planStart(process.argv.slice(2), ROOT);
// Something else on the port would answer in our place; the server then says who holds it, and ends.
const isPortTaken = await answers(plan.url);
const server = startMillrace(plan.devArguments);
const serverEnd = once(server, "exit");
const stopping = stopOnSignal(server);

if (!isPortTaken && (await waitUntilHealthy(plan.url))) {
  if (plan.example !== null) await runExample(plan.example);
  if (!stopping.aborted) process.stdout.write(`\nMillrace serves ${plan.url}. Ctrl-C ends it.\n`);
}
const [code] = (await serverEnd) as [number | null];
process.exitCode = code ?? 1;

function startMillrace(args: readonly string[]): ChildProcess {
  const command = [join(ROOT, "bin/millrace.js"), ...args];
  const env = { ...plan.environment, ...toolEnvironment() };
  const child = spawn(process.execPath, command, { cwd: ROOT, env, stdio: ["ignore", 1, 2] });
  child.on("error", (error) => process.stderr.write(`cannot start millrace: ${error.message}\n`));
  return child;
}

/** Asks the server to end once, however often we are asked. The result is aborted from then on. */
function stopOnSignal(child: ChildProcess): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!stop.signal.aborted) child.kill("SIGTERM");
      stop.abort();
    });
  }
  return stop.signal;
}

/** False when the server ended first or was asked to. */
async function waitUntilHealthy(url: string): Promise<boolean> {
  const deadline = performance.now() + HEALTH_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (stopping.aborted || server.exitCode !== null || server.signalCode !== null) return false;
    if (await answers(`${url}/health`)) return true;
    await sleep(HEALTH_INTERVAL_MS);
  }
  process.stderr.write(`${url}/health did not answer within ${HEALTH_DEADLINE_MS / 1000} s\n`);
  return false;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function runExample(example: string): Promise<void> {
  const run = startMillrace(["trigger", example, "--follow", "--server", plan.url]);
  const stop = (): boolean => run.kill("SIGTERM");
  stopping.addEventListener("abort", stop);
  await once(run, "exit");
  stopping.removeEventListener("abort", stop);
}
