import { readEnvironment } from "#config/environment.ts";
import type { CliContext } from "./context.ts";
import { runProgram } from "./program.ts";
import { readVersion } from "./program-version.ts";
import { createTerminal } from "./terminal.ts";

const interruptSignals = ["SIGINT", "SIGTERM"] as const;
/** A terminal's Ctrl-C reaches the whole process group, and a parent passes it on: both together are one. */
const echoMs = 300;
/** What shells use for a process that Ctrl-C ended. */
const abortExitCode = 130;

const environment = readEnvironment();
const isSet = (name: string): boolean => (environment[name] ?? "") !== "";

const context: CliContext = {
  terminal: createTerminal(
    { out: process.stdout, error: process.stderr },
    {
      noColor: isSet("NO_COLOR"),
      forceColor: isSet("FORCE_COLOR") && environment["FORCE_COLOR"] !== "0",
      isCi: isSet("CI"),
    },
  ),
  environment,
  directory: process.cwd(),
  now: () => Date.now(),
  onInterrupt(listener) {
    let count = 0;
    let lastAt = Number.NEGATIVE_INFINITY;
    const onSignal = (): void => {
      const isEcho = performance.now() - lastAt < echoMs;
      lastAt = performance.now();
      if (isEcho) return;
      count += 1;
      listener(count);
    };
    for (const signal of interruptSignals) process.on(signal, onSignal);
    return () => {
      for (const signal of interruptSignals) process.off(signal, onSignal);
    };
  },
  abort: () => process.exit(abortExitCode),
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

// A reader that leaves early (`millrace runs | head`) is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

await runProgram(process.argv.slice(2), { context, version: readVersion() });
