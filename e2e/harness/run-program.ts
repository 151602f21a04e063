import { spawn } from "node:child_process";
import { cleanEnvironment } from "#testing/cluster/child.ts";

const defaultDeadlineMs = 60_000;

export interface ProgramResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Sends the signal, once, as soon as what was written so far fits. */
  readonly signalWhen?: {
    readonly signal: NodeJS.Signals;
    readonly isTime: (written: { readonly stdout: string; readonly stderr: string }) => boolean;
  };
  /** It is killed after so many milliseconds; a minute unless given. */
  readonly deadlineMs?: number;
}

/** Runs a program to its end and collects what it writes. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: cleanEnvironment(options.environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.deadlineMs ?? defaultDeadlineMs);
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
