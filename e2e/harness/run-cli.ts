import { fileURLToPath } from "node:url";
import { type ProgramOptions, type ProgramResult, runProgram } from "./run-program.ts";

const program = fileURLToPath(new URL("../../bin/millrace.js", import.meta.url));

export type CliResult = ProgramResult;

export type CliOptions = ProgramOptions;

/** Runs a command of the CLI to its end; kills it after a minute. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return runProgram(process.execPath, [program, ...args], options);
}
