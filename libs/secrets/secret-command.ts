import { execFile } from "node:child_process";
import { AppError } from "#errors/app-error.ts";

/** How long the command may take, in milliseconds. */
const timeoutMs = 10_000;
const maxOutputBytes = 128 * 1024;
/** The command's exit code for a name that it does not know. */
const notFoundExitCode = 44;

interface SecretCommandOptions {
  readonly name: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/**
 * Runs `COMMAND NAME` and answers what it printed, without one newline at the end; null when it ends with 44. The command
 * is split at blanks; no shell reads it. It sees the worker's own environment, where keys of a vault may be. What it prints
 * stays out of the error: it may be the secret.
 */
export function runSecretCommand(
  command: string,
  { name, environment, signal }: SecretCommandOptions,
): Promise<string | null> {
  const [file = "", ...args] = command.trim().split(/\s+/);
  const limits = { timeout: timeoutMs, killSignal: "SIGKILL" as const, maxBuffer: maxOutputBytes };
  return new Promise((resolve, reject) => {
    execFile(file, [...args, name], { ...limits, env: { ...environment }, signal }, (error, stdout) => {
      if (error === null) resolve(stdout.replace(/\r?\n$/, ""));
      else if (signal.aborted) reject(signal.reason as Error);
      else if (error.code === notFoundExitCode) resolve(null);
      else reject(new AppError("SECRET_UNAVAILABLE", `the secret ${name} can't be read: ${file} ${describe(error)}`));
    });
  });
}

function describe({ code, signal, killed }: { code?: unknown; signal?: unknown; killed?: boolean }): string {
  if (killed === true) return `took longer than ${timeoutMs} ms, or printed more than ${maxOutputBytes} bytes`;
  return typeof code === "number" ? `ended with exit code ${code}` : `failed (${String(code ?? signal)})`;
}
