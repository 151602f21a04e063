import { type Command, Option } from "commander";
import { AppError } from "#errors/app-error.ts";
import { withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import type { FileOutcome } from "../workflow-tests/run-tests.ts";

const formats = ["text", "json", "junit"] as const;

type TestFlags = Flags & { readonly format: (typeof formats)[number] };

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      "Run the tests that stand beside workflows in *.test.yaml: with mocked tasks and a clock that jumps, without a server. Exit code: 0 all passed, 1 a test failed, 2 a file is wrong.",
    )
    .argument(
      "[paths...]",
      "files of tests, and folders that are searched for them (default: the folder of the settings)",
    )
    .addOption(new Option("--format <format>", "how to print the results").choices(formats).default("text"))
    .option("--dags <folder>", "folder of the definitions, where no path is given (default: dags)")
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .action((paths: readonly string[], flags: TestFlags) => test(paths, flags, context));
  withExamples(command, [
    ["millrace test", "the folder of the settings"],
    ["millrace test examples/quickstart.test.yaml", "one file"],
    ["millrace test dags --format junit > report.xml", "for a CI system"],
  ]);
}

async function test(paths: readonly string[], flags: TestFlags, context: CliContext): Promise<void> {
  const { findTestFiles, runTestFile } = await import("../workflow-tests/run-tests.ts");
  const { countTests, renderJunit, renderTestReport, testReportJson } = await import(
    "../workflow-tests/test-report.ts"
  );
  const settings = await settingsFromFlags(flags, context);
  const { dags, limits } = settings;
  const searched = paths.length === 0 ? [dags.directory] : paths;
  const files = await findTestFiles(searched);
  if (files.length === 0) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `there is no *.test.yaml in ${searched.join(", ")}; docs/testing-workflows.md shows how to write one`,
    );
  }
  const { schemas: operators } = await loadOperators(settings);
  const rules = { operators, maxTaskTimeoutMs: limits.maxTaskTimeoutMs };
  const outcomes: FileOutcome[] = [];
  for (const file of files) outcomes.push(await runTestFile(file, rules));
  const report = {
    text: () => renderTestReport(outcomes, context.terminal.paint),
    json: () => [JSON.stringify(testReportJson(outcomes), null, 2)],
    junit: () => renderJunit(outcomes),
  }[flags.format]();
  context.terminal.write(`${report.join("\n")}\n`);
  const { failed, broken } = countTests(outcomes);
  if (broken > 0) context.setExitCode(exitCodes.usage);
  else if (failed > 0) context.setExitCode(exitCodes.failed);
}
