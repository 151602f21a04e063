import type { Command } from "commander";
import { setPaused } from "../client/set-paused.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Resume a paused DAG: its schedule applies again from now on.")
    .argument("<dag>", "id of the DAG")
    .action((dagId: string, flags: ClientFlags) => setPaused(dagId, { isPaused: false, flags, context }));
  withExamples(command, [["millrace resume quickstart", ""]]);
}
