import { type Command, Option } from "commander";
import type { Problem } from "#definition/model.ts";
import { withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import { renderGithubProblems, renderProblems } from "../rendering/problem-lines.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import { withProgress } from "../waiting.ts";

const formats = ["text", "json", "github"] as const;

type ValidateFlags = Flags & { readonly format: (typeof formats)[number] };

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      "Check definitions without a server: each problem as `file:line:column CODE message (hint)`. Exit code 1 when one is an error.",
    )
    .argument(
      "[paths...]",
      "files, and folders that are searched as a server does (default: the folder of the settings)",
    )
    .addOption(new Option("--format <format>", "how to print problems").choices(formats).default("text"))
    .option("--dags <folder>", "folder of the definitions, where no path is given (default: dags)")
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .action((paths: readonly string[], flags: ValidateFlags) => validate(paths, flags, context));
  withExamples(command, [
    ["millrace validate", "the folder of the settings"],
    ["millrace validate examples/ dags/etl.yaml", "what is named"],
    ["millrace validate --format github", "annotations in a pull request"],
  ]);
}

async function validate(paths: readonly string[], flags: ValidateFlags, context: CliContext): Promise<void> {
  const { checkDefinitions } = await import("../check/check-definitions.ts");
  const settings = await settingsFromFlags(flags, context);
  const { dags, limits } = settings;
  const { schemas: operators } = await loadOperators(settings);
  const checking = checkDefinitions(paths.length === 0 ? [dags.directory] : paths, {
    rules: { operators, maxTaskTimeoutMs: limits.maxTaskTimeoutMs },
    folder: { directory: dags.directory, filePattern: dags.filePattern },
  });
  const { problems, validCount, validTemplateCount } = await withProgress(
    context.terminal,
    "checking definitions",
    checking,
  );
  const text = formatted({ problems, validCount, validTemplateCount, format: flags.format, context });
  context.terminal.write(`${text.join("\n")}\n`);
  if (problems.some((problem) => !problem.warning)) context.setExitCode(exitCodes.failed);
}

/** Behind the number of valid ones; nothing where there is nothing to say. */
function countOf(problems: readonly Problem[]): string {
  const warnings = problems.filter(({ warning }) => warning).length;
  const errors = problems.length - warnings;
  return [...(errors > 0 ? [`, ${errors} error(s)`] : []), ...(warnings > 0 ? [`, ${warnings} warning(s)`] : [])].join(
    "",
  );
}

function formatted(options: {
  problems: readonly Problem[];
  validCount: number;
  validTemplateCount: number;
  format: ValidateFlags["format"];
  context: CliContext;
}): readonly string[] {
  const { problems, validCount, validTemplateCount, format, context } = options;
  const templates = validTemplateCount === 0 ? "" : `${validTemplateCount} template(s) and `;
  const end = `${templates}${validCount} DAG(s) valid`;
  switch (format) {
    case "text":
      return [...renderProblems(problems, context.terminal.paint), `${end}${countOf(problems)}`];
    case "github":
      return [...renderGithubProblems(problems), end];
    case "json": {
      const errors = problems.filter((problem) => !problem.warning);
      const warnings = problems.filter((problem) => problem.warning);
      return [
        JSON.stringify(
          { valid_count: validCount, valid_template_count: validTemplateCount, errors, warnings },
          null,
          2,
        ),
      ];
    }
  }
}
