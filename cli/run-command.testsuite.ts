import type { CliContext } from "./context.ts";
import { runProgram } from "./program.ts";
import { createPaint } from "./rendering/paint.ts";

export interface CommandResult {
  readonly output: string;
  readonly errors: string;
  readonly exitCode: number;
}

/** Runs a command line in this process, without colors, and gathers what it says. */
export async function runCommand(
  args: readonly string[],
  { directory = process.cwd(), now = Date.now() }: { directory?: string; now?: number } = {},
): Promise<CommandResult> {
  const said = { output: "", errors: "", exitCode: 0 };
  const paint = createPaint(false);
  const context: CliContext = {
    terminal: {
      write: (text) => {
        said.output += text;
      },
      writeError: (text) => {
        said.errors += text;
      },
      isInteractive: false,
      hasStatusLine: false,
      paint,
      paintError: paint,
      columns: () => 200,
      rows: () => 40,
    },
    environment: {},
    directory,
    now: () => now,
    onInterrupt: () => () => undefined,
    abort: () => undefined,
    setExitCode: (code) => {
      said.exitCode = code;
    },
  };
  await runProgram(args, { context, version: "1.2.3" });
  return said;
}
