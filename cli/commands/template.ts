import { type Command, Option } from "commander";
import { AppError } from "#errors/app-error.ts";
import { outputOption, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { parameterOption } from "../option-values.ts";
import type { CreateFlags } from "../templates/create-definition.ts";
import type { FolderFlags } from "../templates/show-templates.ts";
import type { ImpactFlags, UpdateFlags } from "../templates/update-instances.ts";

export function configure(command: Command, context: CliContext): void {
  command.description(
    "Use and look at templates: those of the folder of definitions, without a server; instances are a server's.",
  );
  configureCreate(command.command("create"), context);
  configureValidate(command.command("validate"), context);
  configureList(command.command("list"), context);
  configureShow(command.command("show"), context);
  configureImpact(command.command("impact"), context);
  configureUpdate(command.command("update"), context);
  withExamples(command, [
    ["millrace template list", "those of the folder"],
    ["millrace template create etl --params orders.yaml -o dags/orders.yaml", "a definition of its own"],
  ]);
}

type NamedFlags = { readonly template?: string };

function configureCreate(command: Command, context: CliContext): void {
  withFolderFlags(command)
    .summary("make a definition from a template")
    .description(
      "Print the definition that a template makes of the parameters, as one would write it by hand. It knows nothing of its template afterwards; a file with `from_template:` does.",
    )
    .argument("[name]", "the template, also with a range of versions: etl@^1.2")
    .option("--template <name>", "the same as the argument")
    .option("--params <file>", "a YAML map with the values of parameters")
    .addOption(parameterOption())
    .option("--id <id>", "the id of the DAG; the template's by default")
    .option("-o, --output-file <file>", "write it there instead; a file that is there stays")
    .action(async (name: string | undefined, flags: CreateFlags & NamedFlags) => {
      const { createDefinition } = await import("../templates/create-definition.ts");
      await createDefinition(nameOf(name, flags), flags, context);
    });
  withExamples(command, [
    ["millrace template create etl --params orders.yaml", "print it"],
    ["millrace template create etl@^1.2 -p source_table=orders -o dags/orders.yaml", "write it"],
  ]);
}

function configureValidate(command: Command, context: CliContext): void {
  withFolderFlags(command)
    .summary("check templates")
    .description(
      "Check templates with all that they inherit and include, filled with defaults and examples, and run their tests. Exit code 1 when there is an error.",
    )
    .argument("[template]", "a template or a file (default: all of the folder)")
    .action(async (what: string | undefined, flags: Omit<FolderFlags, "output">) => {
      const { validateTemplates } = await import("../templates/validate-templates.ts");
      await validateTemplates(what, flags, context);
    });
  withExamples(command, [
    ["millrace template validate", "all of the folder"],
    ["millrace template validate dags/etl.template.yaml", "those of a file"],
  ]);
}

function configureList(command: Command, context: CliContext): void {
  withFolderFlags(command)
    .addOption(outputOption())
    .summary("list templates")
    .description("List the templates of the folder.")
    .action(async (flags: FolderFlags) => {
      const { listTemplates } = await import("../templates/show-templates.ts");
      await listTemplates(flags, context);
    });
  withExamples(command, [["millrace template list", ""]]);
}

function configureShow(command: Command, context: CliContext): void {
  withFolderFlags(command)
    .addOption(outputOption())
    .summary("show a template")
    .description("Show a template: its parameters, what it inherits, and its docs.")
    .argument("[name]", "the template, also with a range of versions")
    .option("--template <name>", "the same as the argument")
    .action(async (name: string | undefined, flags: FolderFlags & NamedFlags) => {
      const { showTemplate } = await import("../templates/show-templates.ts");
      await showTemplate(nameOf(name, flags), flags, context);
    });
  withExamples(command, [["millrace template show etl", ""]]);
}

function configureImpact(command: Command, context: CliContext): void {
  withClientFlags(command)
    .summary("say what a change of a template touches")
    .description(
      "List the DAGs that a template stands behind and what would become of each if they were made again: with the templates as they are, or with those of a file that is not published yet. Exit code 1 when one could not be made.",
    )
    .argument("[name]", "the template")
    .option("--template <name>", "the same as the argument")
    .option("--file <file>", "templates in place of those that the server has")
    .action(async (name: string | undefined, flags: ImpactFlags & NamedFlags) => {
      const { showImpact } = await import("../templates/update-instances.ts");
      await showImpact(nameOf(name, flags), flags, context);
    });
  withExamples(command, [["millrace template impact etl --file etl-2.yaml", "before it is published"]]);
}

function configureUpdate(command: Command, context: CliContext): void {
  withClientFlags(command)
    .summary("make instances again")
    .description(
      "Make the DAGs of a template again with the templates as they are now, each by itself. Those with a file follow their templates without being asked. Exit code 1 when one could not be made.",
    )
    .argument("[name]", "the template")
    .option("--template <name>", "the same as the argument")
    .addOption(new Option("--instances <ids>", "ids of DAGs, with commas between (default: all)").argParser(splitIds))
    .option("--plan", "change nothing, only say what would change")
    .action(async (name: string | undefined, flags: UpdateFlags & NamedFlags) => {
      const { updateInstances } = await import("../templates/update-instances.ts");
      await updateInstances(nameOf(name, flags), flags, context);
    });
  withExamples(command, [
    ["millrace template update etl --plan", "what would change"],
    ["millrace template update etl --instances etl_orders,etl_items", "some of them"],
  ]);
}

function splitIds(text: string): readonly string[] {
  return text
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

function withFolderFlags(command: Command): Command {
  return command
    .option("--dags <folder>", "folder of the definitions (default: dags)")
    .option("--config <file>", "configuration file (default: millrace.yaml, if it is there)");
}

function nameOf(name: string | undefined, { template }: NamedFlags): string {
  const given = name ?? template;
  if (given === undefined) throw new AppError("INVALID_ARGUMENT", "which template? name it, as in `template show etl`");
  return given;
}
