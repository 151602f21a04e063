import type { Command } from "commander";
import { setPaused } from "../client/set-paused.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Pause a DAG: it gets no new scheduled runs until it is resumed. Runs under way go on.")
    .argument("<dag>", "id of the DAG")
    .action((dagId: string, flags: ClientFlags) => setPaused(dagId, { isPaused: true, flags, context }));
  withExamples(command, [["millrace pause quickstart", ""]]);
}
