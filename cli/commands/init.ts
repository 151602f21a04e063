import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";

const usualFolder = "dags";

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      "Write a commented example definition that runs as it is, and the schema for editors beside it. Nothing is overwritten but the schema.",
    )
    .argument("[dir]", `folder of the definitions (default: ${usualFolder})`)
    .action((folder: string | undefined) => init(folder ?? usualFolder, context));
  withExamples(command, [
    ["millrace init", `${usualFolder}/hello.yaml`],
    ["millrace init etl", "another folder"],
  ]);
}

async function init(folder: string, { terminal, directory }: CliContext): Promise<void> {
  const { writeExample } = await import("../init/write-example.ts");
  const paths = await writeExample(resolve(directory, folder));
  const shown = paths.map((path) => relative(directory, path) || path);
  const example = join(folder, "hello.yaml");
  const lines = [
    ...shown.map((path) => `wrote ${path}`),
    "",
    "next:",
    `  millrace run ${example} -p name=Ada    runs it here`,
    `  millrace dev${folder === usualFolder ? "" : ` --dags ${folder}`}    serves the folder, with a page`,
  ];
  terminal.write(`${lines.join("\n")}\n`);
}
