import type { Command } from "commander";
import { withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      "Print the format of definitions as a JSON Schema (draft-07), for editors and other tools. A server has the same at /schemas/dag.json.",
    )
    .action(() => printSchema(context));
  withExamples(command, [
    ["millrace schema > dag.schema.json", "for `# yaml-language-server: $schema=./dag.schema.json`"],
  ]);
}

async function printSchema({ terminal }: CliContext): Promise<void> {
  const { definitionJsonSchema } = await import("#definition/json-schema.ts");
  const { operatorSchemas } = await import("#operators/registry.ts");
  terminal.write(`${JSON.stringify(definitionJsonSchema(operatorSchemas), null, 2)}\n`);
}
