import { type Command, Option } from "commander";
import { withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import type { DrawnGraph } from "../graph/drawn-graph.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";

const formats = ["ascii", "mermaid", "dot", "svg"] as const;

type GraphFlags = Flags & { readonly format: (typeof formats)[number] };

export function configure(command: Command, context: CliContext): void {
  command
    .description("Draw the tasks of a definition and what they wait for, without a server.")
    .argument("<file>", "the definition")
    .addOption(
      new Option("--format <format>", "a list for terminals, text for Mermaid or Graphviz, or a picture")
        .choices(formats)
        .default("ascii"),
    )
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)")
    .action((file: string, flags: GraphFlags) => drawGraph(file, flags, context));
  withExamples(command, [
    ["millrace graph examples/failure.yaml", "on the terminal"],
    ["millrace graph etl.yaml --format svg > etl.svg", "a picture"],
    ["millrace graph etl.yaml --format mermaid", "for Markdown"],
  ]);
}

async function drawGraph(file: string, flags: GraphFlags, context: CliContext): Promise<void> {
  const { readValidDefinition } = await import("../local/read-valid-definition.ts");
  const { toDrawnGraph } = await import("../graph/drawn-graph.ts");
  const read = await readValidDefinition(file, await settingsFromFlags(flags, context), context);
  if (read === null) return context.setExitCode(exitCodes.usage);
  const graph = toDrawnGraph(read.definition);
  context.terminal.write(await draw(graph, flags.format, context));
}

async function draw(graph: DrawnGraph, format: GraphFlags["format"], { terminal }: CliContext): Promise<string> {
  if (format === "svg") return (await import("../graph/svg-graph.ts")).drawSvg(graph);
  const { drawAscii, drawDot, drawMermaid } = await import("../graph/text-graphs.ts");
  switch (format) {
    case "ascii":
      return drawAscii(graph, terminal.paint);
    case "mermaid":
      return drawMermaid(graph);
    case "dot":
      return drawDot(graph);
  }
}
