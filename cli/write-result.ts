import type { OutputFormat } from "./command-flags.ts";
import type { CliContext } from "./context.ts";
import type { Paint } from "./rendering/paint.ts";

export interface CommandResult {
  readonly format: OutputFormat;
  /** The result as JSON, in the API's words; called for `json` and `yaml` alone. */
  readonly json: () => unknown;
  /** The result for people; `width` null: not a terminal, cut nothing. */
  readonly lines: (options: { paint: Paint; width: number | null }) => readonly string[];
}

/** Prints a command's result on standard output in the form that was asked for. */
export async function writeResult({ terminal }: CliContext, result: CommandResult): Promise<void> {
  switch (result.format) {
    case "json":
      terminal.write(`${JSON.stringify(result.json(), null, 2)}\n`);
      return;
    case "yaml": {
      const { stringify } = await import("yaml");
      terminal.write(stringify(result.json()));
      return;
    }
    case "table": {
      const width = terminal.isInteractive ? terminal.columns() : null;
      const lines = result.lines({ paint: terminal.paint, width });
      if (lines.length > 0) terminal.write(`${lines.join("\n")}\n`);
    }
  }
}
