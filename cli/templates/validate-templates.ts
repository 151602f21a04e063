import { resolve } from "node:path";
import { checkTemplate, inheritedBy, withoutRepeats } from "#definition/templates/check-template.ts";
import type { TemplateDocument } from "#definition/templates/definition-documents.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { settingsFromFlags } from "../settings-from-flags.ts";
import { findTemplate, readFolder } from "./read-folder.ts";
import { type FolderFlags, inheritedLines } from "./show-templates.ts";
import { filesAround, readTemplateFiles } from "./template-files.ts";

/** Checks one template by name, those of a file, or all of the folder; ends with what each inherits. */
export async function validateTemplates(
  what: string | undefined,
  flags: Omit<FolderFlags, "output">,
  context: CliContext,
): Promise<void> {
  const settings = await settingsFromFlags(flags, context);
  const { schemas: operators } = await loadOperators(settings);
  const isFile = what !== undefined && /\.ya?ml$/i.test(what);
  const file = isFile ? resolve(context.directory, what) : "";
  const { catalog, problems } = isFile
    ? await readTemplateFiles(new Set([file, ...(await filesAround(file, settings.dags))]))
    : await readFolder(settings);
  const isMeant = ({ source }: TemplateDocument): boolean => !isFile || source.file === file;
  const meant = what === undefined || isFile ? catalog.templates.filter(isMeant) : [findTemplate(catalog, what)];
  const own = problems.filter((problem) => what === undefined || problem.file === file);
  const rules = { operators, maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs, catalog };
  const found = withoutRepeats([...own, ...meant.flatMap((template) => checkTemplate(template, rules))]);
  const { terminal } = context;
  const inherited = meant.flatMap((template) => {
    const lines = inheritedLines(inheritedBy(template, { catalog }));
    return lines.length === 0 ? [] : [`${template.name} ${template.version} ${lines[0]}`, ...lines.slice(1)];
  });
  const end = `${meant.length} template(s) checked`;
  terminal.write(`${[...renderProblems(found, terminal.paint), ...inherited, end].join("\n")}\n`);
  if (found.some((problem) => !problem.warning)) context.setExitCode(exitCodes.failed);
}
