import type { JsonObject } from "#definition/model.ts";
import { inheritedBy } from "#definition/templates/check-template.ts";
import type { TemplateDocument } from "#definition/templates/definition-documents.ts";
import { TemplateSelection } from "#definition/templates/template-catalog.ts";
import { inherit } from "#definition/templates/template-lineage.ts";
import { createSourceFindings } from "#definition/templates/source-findings.ts";
import type { TemplateParameters } from "#definition/templates/template-parameters.ts";
import type { OutputFormat } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderTable } from "../rendering/table.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import { writeResult } from "../write-result.ts";
import { findTemplate, readFolder } from "./read-folder.ts";

export type FolderFlags = Flags & { readonly output: OutputFormat };

/** Lists the templates of the folder. */
export async function listTemplates(flags: FolderFlags, context: CliContext): Promise<void> {
  const { catalog } = await readFolder(await settingsFromFlags(flags, context));
  const found = catalog.templates.toSorted(
    (a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => found.map(summaryOf),
    lines: (options) =>
      found.length === 0
        ? ["no templates; docs/templates.md says how to write one"]
        : renderTable({
            columns: [{ title: "NAME" }, { title: "VERSION" }, { title: "EXTENDS" }, { title: "FILE", flexible: true }],
            rows: found.map(({ name, version, extends: base, source }) => [
              { text: name },
              { text: version },
              { text: base === null ? "" : `${base.name}@${base.range}` },
              { text: source.file },
            ]),
            ...options,
          }),
  });
}

function summaryOf({ name, version, extends: base, source, docs }: TemplateDocument): JsonObject {
  return { name, version, extends: base === null ? null : `${base.name}@${base.range}`, file: source.file, docs };
}

/** Shows one template: what it takes, what it inherits, and its docs. */
export async function showTemplate(name: string, flags: FolderFlags, context: CliContext): Promise<void> {
  const { catalog } = await readFolder(await settingsFromFlags(flags, context));
  const template = findTemplate(catalog, name);
  const inherited = inheritedBy(template, { catalog });
  const whole = inherit(template, new TemplateSelection(catalog, new Map()), createSourceFindings());
  const parameters = whole?.parameters ?? template.parameters;
  await writeResult(context, {
    format: flags.output,
    json: () => ({ ...summaryOf(template), parameters: parametersOf(parameters), inherited }),
    lines: ({ paint, width }) => [
      `${paint("plain", `${template.name} ${template.version}`, "bold")} ${paint("gray", template.source.file)}`,
      ...(template.docs === "" ? [] : ["", ...template.docs.trimEnd().split("\n")]),
      "",
      ...renderParameters(parameters, { paint, width }),
      ...inheritedLines(inherited),
    ],
  });
}

function parametersOf(parameters: TemplateParameters): JsonObject {
  return Object.fromEntries(
    [...parameters].map(([name, { definition, isReference }]) => {
      const { minLength: min_length, maxLength: max_length, ...rest } = definition;
      const lengths = {
        ...(min_length === undefined ? {} : { min_length }),
        ...(max_length === undefined ? {} : { max_length }),
      };
      const schema: JsonObject = { ...rest, ...lengths, ...(isReference ? { type: "template_reference" } : {}) };
      return [name, schema];
    }),
  );
}

function renderParameters(
  parameters: TemplateParameters,
  options: Pick<Parameters<typeof renderTable>[0], "paint" | "width">,
): readonly string[] {
  if (parameters.size === 0) return ["it takes no parameters"];
  return renderTable({
    columns: [{ title: "PARAMETER" }, { title: "TYPE" }, { title: "DEFAULT" }, { title: "", flexible: true }],
    rows: [...parameters].map(([name, { definition, isReference }]) => [
      { text: name },
      { text: isReference ? "template_reference" : (definition.type ?? "any") },
      { text: defaultText(definition) },
      { text: definition.description ?? "" },
    ]),
    ...options,
  });
}

function defaultText({ required, default: fallback }: { required: boolean; default?: unknown }): string {
  if (fallback !== undefined) return JSON.stringify(fallback);
  return required ? "required" : "";
}

/** What a template has from its ancestors, as `validate` and `show` end with it. */
export function inheritedLines(inherited: ReturnType<typeof inheritedBy>): readonly string[] {
  if (inherited === null || inherited.from.length === 0) return [];
  const list = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));
  return [
    `inherits from ${inherited.from.join(", then ")}`,
    `  parameters: ${list(inherited.parameters)}`,
    `  tasks: ${list(inherited.tasks)}`,
    ...(inherited.changedTasks.length === 0 ? [] : [`  of these it changes: ${list(inherited.changedTasks)}`]),
  ];
}
