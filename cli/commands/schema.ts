import type { Command } from "commander";
import { withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      "Print the format of definitions as a JSON Schema (draft-07), for editors and other tools. A server has the same at /schemas/dag.json.",
    )
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .action((flags: Flags) => printSchema(flags, context));
  withExamples(command, [
    ["millrace schema > dag.schema.json", "for `# yaml-language-server: $schema=./dag.schema.json`"],
  ]);
}

async function printSchema(flags: Flags, context: CliContext): Promise<void> {
  const { definitionJsonSchema } = await import("#definition/schema/json-schema.ts");
  const { schemas } = await loadOperators(await settingsFromFlags(flags, context));
  context.terminal.write(`${JSON.stringify(definitionJsonSchema(schemas), null, 2)}\n`);
}
