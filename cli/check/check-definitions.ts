import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "#definition/model.ts";
import { checkTemplate, withoutRepeats } from "#definition/templates/check-template.ts";
import { compileFilePattern } from "#services/parser/file-filter.ts";
import { listFolder } from "#services/parser/list-folder.ts";
import { type DefinitionRules, readDefinition } from "#services/parser/read-definition.ts";
import { takenProblem } from "#services/parser/register-definition.ts";
import {
  type DefinitionFolder,
  filesAround,
  readTemplateFiles,
  type TemplateFiles,
} from "../templates/template-files.ts";
import { unreadableFile } from "../unreadable-file.ts";

export interface CheckResult {
  /** Everything found, in the order of the files, each problem once. */
  readonly problems: readonly Problem[];
  readonly validCount: number;
  readonly validTemplateCount: number;
}

/**
 * Checks files and folders as a server would: folders by the rules of discovery, files whatever their name, with the
 * templates that they need from `folder` or from beside them. Of two files with one id the second is an error. Throws
 * `INVALID_ARGUMENT` for a path that can't be read.
 */
export async function checkDefinitions(
  paths: readonly string[],
  options: { rules: DefinitionRules; folder: DefinitionFolder },
): Promise<CheckResult> {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  const files = await findFiles(paths, options.folder.filePattern, problems);
  const named = paths.filter((path) => files.has(path));
  const around = await Promise.all(named.map((path) => filesAround(path, options.folder)));
  const templates = await readTemplateFiles(new Set([...files, ...around.flat()]));
  const rules = { ...options.rules, templates: templates.catalog };
  problems.push(...templates.problems.filter((problem) => files.has(problem.file)));
  const { checked, validTemplateCount } = checkTemplates(templates, files, rules);
  problems.push(...checked);
  let validCount = 0;
  for (const file of files) {
    if (templates.templateFiles.has(file)) continue;
    const read = readDefinition(await readFile(file), file, rules);
    if (read.kind === "invalid") {
      problems.push(...read.problems);
      continue;
    }
    const owner = owners.get(read.definition.id);
    problems.push(...read.warnings, ...(owner === undefined ? [] : [takenProblem(read, file, owner)]));
    if (owner !== undefined) continue;
    owners.set(read.definition.id, file);
    validCount += 1;
  }
  return { problems: withoutRepeats(problems), validCount, validTemplateCount };
}

/** The templates of the files that are checked, each with all that it inherits. */
function checkTemplates(
  { catalog }: TemplateFiles,
  files: ReadonlySet<string>,
  rules: DefinitionRules,
): { checked: readonly Problem[]; validTemplateCount: number } {
  const found = catalog.templates
    .filter(({ source }) => files.has(source.file))
    .map((template) => checkTemplate(template, { ...rules, catalog }));
  const isValid = (problems: readonly Problem[]): boolean => problems.every((problem) => problem.warning);
  return { checked: found.flat(), validTemplateCount: found.filter(isValid).length };
}

/** Files once each, in the order of the paths; what a folder refuses becomes a problem. */
async function findFiles(
  paths: readonly string[],
  filePattern: string,
  problems: Problem[],
): Promise<ReadonlySet<string>> {
  const matches = compileFilePattern(filePattern);
  const found = new Set<string>();
  for (const path of paths) {
    if (!(await isFolder(path))) {
      found.add(path);
      continue;
    }
    const listing = await listFolder({ root: path, matches, cache: new Map() });
    for (const file of listing.files) found.add(join(path, file.path));
    for (const { path: file, code, message } of [...listing.refused, ...listing.unreadable]) {
      problems.push({ file: join(path, file), line: 1, column: 1, code, message, hint: "", warning: false });
    }
  }
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
}
