import { Command, CommanderError } from "commander";
import { AppError } from "#errors/app-error.ts";
import { commands } from "./commands.ts";
import { type CliContext, exitCodes } from "./context.ts";
import { renderError } from "./rendering/error-lines.ts";

const examples = `
Examples:
  $ millrace dev                                     everything on one machine, at http://127.0.0.1:8080
  $ millrace run examples/quickstart.yaml -p name=Ada
  $ millrace validate dags/
  $ millrace trigger quickstart --follow

Each command explains itself: millrace COMMAND --help`;

/**
 * Runs the command line. Errors are printed with their code and what to do; the exit code goes to the context: 0 success,
 * 1 failed, 2 wrong usage or definition, 3 cancelled.
 */
export async function runProgram(
  args: readonly string[],
  options: { context: CliContext; version: string },
): Promise<void> {
  const { context } = options;
  try {
    const program = await createProgram(args, options);
    await program.parseAsync([...args], { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      context.setExitCode(thrown.exitCode === 0 ? exitCodes.success : exitCodes.usage);
      return;
    }
    const error = AppError.from(thrown);
    context.terminal.writeError(`${renderError(error, context.terminal.paintError).join("\n")}\n`);
    context.setExitCode(error.kind === "invalid" ? exitCodes.usage : exitCodes.failed);
  }
}

/** The program with all of its commands; those that `args` name are complete, the others are a name and a summary. */
export async function createProgram(
  args: readonly string[],
  { context, version }: { context: CliContext; version: string },
): Promise<Command> {
  const program = new Command("millrace")
    .description("Millrace, a workflow orchestrator: YAML task graphs, run on workers.")
    .version(version)
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", examples)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.write(text),
      writeErr: (text) => context.terminal.writeError(text),
      getOutHelpWidth: () => context.terminal.columns(),
      getErrHelpWidth: () => context.terminal.columns(),
    })
    .showSuggestionAfterError(true);
  for (const entry of commands) {
    const command = program
      .command(entry.name)
      .summary(entry.summary)
      .showHelpAfterError("(add --help for what it takes)");
    if (!args.includes(entry.name)) continue;
    const { configure } = await entry.load();
    configure(command, context);
    nameSubcommands(command);
  }
  return program;
}

/**
 * A group of commands says which it has when the next word is none of them, such as the DAG of `millrace backfill daily`;
 * also where one of them stands for the group alone, which would take the word for an argument too many.
 */
function nameSubcommands(group: Command): void {
  const names = group.commands.map((command) => command.name());
  if (names.length === 0) return;
  group.showHelpAfterError(`(after ${group.name()} comes one of: ${names.join(", ")}; add --help for what they take)`);
  group.hook("preSubcommand", ({ args: [word = ""] }, command) => {
    if (names.includes(word) || word === "" || word.startsWith("-") || command.registeredArguments.length > 0) return;
    group.error(`error: unknown command '${word}'`, { code: "commander.unknownCommand" });
  });
}
