import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cleanEnvironment } from "./child.ts";

const program = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));
const deadlineMs = 60_000;

export interface CliResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Sends the signal, once, as soon as what was written so far fits. */
  readonly signalWhen?: {
    readonly signal: NodeJS.Signals;
    readonly isTime: (written: { readonly stdout: string; readonly stderr: string }) => boolean;
  };
}

/** Runs a command of the CLI to its end; kills it after a minute. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.cwd,
    env: cleanEnvironment(options.environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const written = { stdout: "", stderr: "" };
  let isSignalled = false;
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk: Buffer) => {
      written[stream] += chunk.toString();
      if (isSignalled || options.signalWhen?.isTime(written) !== true) return;
      isSignalled = child.kill(options.signalWhen.signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, ...written });
    });
  });
}
