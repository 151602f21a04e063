import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export interface CommandResult {
  /** Exit code; 1 also when the command was ended by a signal or could not be started. */
  readonly code: number;
  /** Standard output and error as they came. */
  readonly output: string;
}

/** The environment of a tool: the packages' programs come first in PATH, also without npm around us. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const bin = join(ROOT, "node_modules/.bin");
  return { ...process.env, PATH: [bin, process.env["PATH"] ?? ""].join(delimiter) };
}

/**
 * Runs a tool from the root, in our environment and the given one, and collects what it says; with `live` its output goes
 * to ours instead. Never throws.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  { live = false, environment = {} }: { live?: boolean; environment?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const stdio = live ? "inherit" : "pipe";
    const env = { ...toolEnvironment(), ...environment };
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", stdio, stdio] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ code: 1, output: `${command}: ${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
