import type { Command } from "commander";
import { type OutputFormat, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import { writeResult } from "../write-result.ts";

type ConfigFlags = Flags & { readonly output: OutputFormat };

export function configure(command: Command, context: CliContext): void {
  command.description("Show the settings in force, or all there are.");
  const show = command
    .command("show")
    .summary("settings in force")
    .description(
      "Print every setting as it is in force here: flag, else environment, else file, else default. Secrets are masked.",
    );
  withClientFlags(show).action((flags: ConfigFlags) => showConfig(flags, context));
  withExamples(show, [
    ["millrace config show", ""],
    ["MILLRACE_WORKER_SLOTS=4 millrace config show --output json", ""],
  ]);
  const schema = command
    .command("schema")
    .summary("all settings")
    .description(
      "Print all settings with their variables, flags and defaults; with --output json as a JSON Schema of the configuration file, for editors.",
    );
  withClientFlags(schema).action((flags: ConfigFlags) => showSchema(flags, context));
  withExamples(schema, [
    ["millrace config schema", ""],
    ["millrace config schema --output json > millrace.schema.json", ""],
  ]);
  withExamples(command, [
    ["millrace config show", "what applies"],
    ["millrace config schema", "what there is"],
  ]);
}

async function showConfig(flags: ConfigFlags, context: CliContext): Promise<void> {
  const { showSettings } = await import("#config/show-settings.ts");
  const { stringify } = await import("yaml");
  const shown = showSettings(await settingsFromFlags(flags, context));
  await writeResult(context, {
    format: flags.output,
    json: () => shown,
    lines: () => stringify(shown).trimEnd().split("\n"),
  });
}

async function showSchema(flags: ConfigFlags, context: CliContext): Promise<void> {
  const { describeSettings } = await import("#config/describe-settings.ts");
  const { renderSettings, settingsJsonSchema } = await import("../rendering/settings-schema-view.ts");
  const settings = describeSettings();
  await writeResult(context, {
    format: flags.output,
    json: () => settingsJsonSchema(settings),
    lines: (options) => renderSettings(settings, options),
  });
}
