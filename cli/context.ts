import type { Environment } from "#config/environment.ts";
import type { Terminal } from "./terminal.ts";

/** What a command ends the process with. */
export const exitCodes = {
  success: 0,
  /** The command, or what it waited for, failed. */
  failed: 1,
  /** The command line, a definition or its parameters are wrong. */
  usage: 2,
  /** The run was cancelled. */
  cancelled: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What a command sees of its process; nothing else of it is read or written. */
export interface CliContext {
  readonly terminal: Terminal;
  readonly environment: Environment;
  /** The working directory, absolute: relative paths start there. */
  readonly directory: string;
  /** Wall clock in milliseconds since 1970, for what people read. */
  readonly now: () => number;
  /** Calls the listener at SIGINT and SIGTERM, with its count from 1; answers the function that ends it. */
  readonly onInterrupt: (listener: (count: number) => void) => () => void;
  /** Ends the process at once, whatever still runs: for a second Ctrl-C. */
  readonly abort: () => void;
  setExitCode(code: ExitCode): void;
}
