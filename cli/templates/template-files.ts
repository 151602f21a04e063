import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { Problem } from "#definition/model.ts";
import {
  mayUseTemplates,
  readDefinitionDocuments,
  type TemplateDocument,
} from "#definition/templates/definition-documents.ts";
import type { TemplateCatalog } from "#definition/templates/template-catalog.ts";
import { compileFilePattern, isIgnoredName } from "#services/parser/file-filter.ts";
import { listFolder } from "#services/parser/list-folder.ts";
import { decodeText } from "#services/parser/read-definition.ts";
import { takenTemplate } from "#services/parser/template-shelf.ts";

/** The folder in which a server would look. */
export interface DefinitionFolder {
  readonly directory: string;
  readonly filePattern: string;
}

/** The templates of some files. */
export interface TemplateFiles {
  readonly catalog: TemplateCatalog;
  /** Files that hold nothing but templates, good or not. */
  readonly templateFiles: ReadonlySet<string>;
  /** What is wrong with their documents. */
  readonly problems: readonly Problem[];
}

/** Tells a template whose YAML can't be read from any other file. */
const templateKey = /^["']?template["']?\s*:/m;

/** Reads the templates of files; the others are left alone, and so is a file that can't be read. */
export async function readTemplateFiles(files: Iterable<string>): Promise<TemplateFiles> {
  const templates = new Map<string, TemplateDocument>();
  const templateFiles = new Set<string>();
  const problems: Problem[] = [];
  for (const file of files) {
    const content = await readFile(file).catch(() => null);
    const text = content === null ? null : decodeText(content);
    if (text === null || !mayUseTemplates(text)) continue;
    const documents = readDefinitionDocuments(text, file);
    const isUnreadable = documents.problems.length > 0 && documents.isPlain && templateKey.test(text);
    if (!isUnreadable && documents.templates.length === 0) continue;
    if (documents.instance === null) {
      templateFiles.add(file);
      problems.push(...documents.problems);
    }
    if (documents.problems.some((problem) => !problem.warning)) continue;
    for (const template of documents.templates) {
      const key = `${template.name}@${template.version}`;
      const owner = templates.get(key);
      if (owner === undefined) templates.set(key, template);
      else problems.push(takenTemplate({ ...template, filePath: owner.source.file }, file));
    }
  }
  return { catalog: { templates: [...templates.values()], broken: [] }, templateFiles, problems };
}

/** The files in which an instance's templates are looked for: the folder of the settings if it is there, else its own. */
export async function filesAround(file: string, around: DefinitionFolder | null): Promise<readonly string[]> {
  const isWithin = around !== null && !relative(resolve(around.directory), resolve(file)).startsWith("..");
  if (isWithin) return filesIn(around);
  const folder = dirname(file);
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /\.ya?ml$/.test(name) && !isIgnoredName(name)).map((name) => join(folder, name));
}

/** The definition files of a folder, as a server would find them. */
export async function filesIn({ directory, filePattern }: DefinitionFolder): Promise<readonly string[]> {
  const listing = await listFolder({ root: directory, matches: compileFilePattern(filePattern), cache: new Map() });
  return listing.files.map(({ path }) => join(directory, path));
}

/** What the definition of a file may be made from. */
export async function templatesFor(file: string, folder: DefinitionFolder | null): Promise<TemplateCatalog> {
  const content = await readFile(file).catch(() => null);
  const text = content === null ? null : decodeText(content);
  const isMade = text !== null && mayUseTemplates(text) && readDefinitionDocuments(text, file).instance !== null;
  return isMade ? (await readTemplateFiles(await filesAround(file, folder))).catalog : { templates: [], broken: [] };
}
