import { type Command, Option } from "commander";
import { logLevelOption } from "./option-values.ts";

/** For services that reach the database. */
export function withUnsafeFlag(command: Command): Command {
  return command.option(
    "--unsafe",
    "accept a database that may lose what it acknowledged (fsync or synchronous_commit off)",
  );
}

/** Flags that every server command takes. */
export function withServerFlags(command: Command, options: { port: number }): Command {
  return command
    .option("--host <host>", "address to listen on (default: 127.0.0.1)")
    .option("--port <port>", `port to listen on, 0 for a free one (default: ${options.port})`)
    .option("--data-dir <folder>", "folder of what this machine keeps (default: .millrace)")
    .option("--dags <folder>", "folder of the definitions (default: dags)")
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .addOption(logLevelOption())
    .option("--dry-run", "check configuration, port and database, say where it would listen, and end");
}

/** Flags that every command which speaks to a server takes. */
export function withClientFlags(command: Command): Command {
  return command
    .option("--server <url>", "address of the server (variable MILLRACE_SERVER, default: http://127.0.0.1:8080)")
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .addOption(outputOption());
}

export function outputOption(): Option {
  return new Option("--output <format>", "how to print the result").choices(outputFormats).default("table");
}

export type OutputFormat = "table" | "json" | "yaml";

export interface ClientFlags {
  readonly server?: string;
  readonly config?: string;
  readonly output: OutputFormat;
}

const outputFormats = ["table", "json", "yaml"] as const satisfies readonly OutputFormat[];

/** Examples at the end of a command's help: pairs of a command line and what it does. */
export function withExamples(
  command: Command,
  examples: readonly (readonly [line: string, meaning: string])[],
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  $ ${line.padEnd(width)}  ${meaning}`.trimEnd());
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
