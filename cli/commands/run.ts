import { type Command, Option } from "commander";
import { withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { logLevelOption, parameterOption } from "../option-values.ts";
import type { Flags } from "../settings-from-flags.ts";

export type RunFlags = Flags & {
  readonly param: readonly string[];
  readonly dryRun?: boolean;
  readonly output: "text" | "json";
};

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      "Run a definition to its end in this process, without a server or a database. Exit code: 0 success, 1 failed, 2 wrong definition or parameters, 3 cancelled. Ctrl-C cancels the run, a second one kills it.",
    )
    .argument("<file>", "the definition")
    .addOption(parameterOption())
    .option("--slots <number>", "tasks that run at once; 1 runs them one by one (default: number of cores)")
    .option("--dry-run", "check definition and parameters, show the tasks in order, and end")
    .addOption(
      new Option("--output <format>", "progress for people, or one JSON object at the end")
        .choices(["text", "json"])
        .default("text"),
    )
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .addOption(logLevelOption())
    .action(async (file: string, flags: RunFlags) => {
      const { runFile } = await import("../local/run-file.ts");
      await runFile(file, flags, context);
    });
  withExamples(command, [
    ["millrace run examples/quickstart.yaml -p name=Ada", "with a parameter"],
    ["millrace run etl.yaml --slots 1", "one task at a time"],
    ["millrace run etl.yaml --output json", "for programs"],
  ]);
}
