import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { unreadableFile } from "../unreadable-file.ts";

/** The newest version of the format. */
const newestFormat = 1;

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      `Bring a definition to the newest version of the format, which is ${newestFormat}: a file of that version stays as it is.`,
    )
    .argument("<file>", "the definition")
    .action((file: string) => upgrade(file, context));
  withExamples(command, [["millrace upgrade dags/etl.yaml", "says whether there is something to do"]]);
}

async function upgrade(file: string, context: CliContext): Promise<void> {
  const { isMap } = await import("yaml");
  const { readYaml } = await import("#definition/yaml/yaml-document.ts");
  const text = await readFile(resolve(context.directory, file), "utf8").catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
  const { document, problems } = readYaml(text, file);
  if (document === null || problems.hasErrors) {
    context.terminal.writeError(`${renderProblems(problems.sorted(), context.terminal.paintError).join("\n")}\n`);
    return context.setExitCode(exitCodes.usage);
  }
  const root = document.nodes();
  if (!isMap(root.contents)) throw new AppError("INVALID_DEFINITION", `${file} is no definition: it is no map of keys`);
  const format = root.has("format") ? root.get("format") : newestFormat;
  if (format === newestFormat) {
    context.terminal.write(`${file} has format ${newestFormat}, the newest: nothing to do\n`);
    return;
  }
  const isNewer = typeof format === "number" && format > newestFormat;
  const advice = isNewer ? "install a newer Millrace" : `write \`format: ${newestFormat}\`, or remove the key`;
  throw new AppError(
    "INVALID_DEFINITION",
    `${file} has format ${JSON.stringify(format)}, which this version does not know (the newest is ${newestFormat}); ${advice}`,
  );
}
