import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Problem } from "#definition/model.ts";
import { checkTemplate } from "#definition/templates/check-template.ts";
import { readDefinitionDocuments, type TemplateDocument } from "#definition/templates/definition-documents.ts";
import { isRange } from "#definition/templates/template-reference.ts";
import { TemplateSelection } from "#definition/templates/template-catalog.ts";
import { isTemplate } from "#definition/templates/template-lineage.ts";
import { AppError } from "#errors/app-error.ts";
import type {
  DescribeTemplateResponseSchema,
  ParserServicePublishTemplatesResponseSchema,
} from "#gen/millrace/v1/parser_service_pb.js";
import type { TakenTemplate } from "#ports/template-store.ts";
import { hashContent } from "./list-folder.ts";
import { withPublished } from "./plan-template.ts";
import type { TemplateCallDeps } from "./template-calls.ts";
import { toTemplateMessage } from "./template-message.ts";
import type { TemplateShelf } from "./template-shelf.ts";

/** Makes the templates of a content known; with an error in it nothing is. */
export async function publishTemplates(
  deps: TemplateCallDeps,
  content: string,
  source: string,
): Promise<MessageInitShape<typeof ParserServicePublishTemplatesResponseSchema>> {
  const { store, shelf, rules, logger } = deps;
  await shelf.refresh();
  const { templates, problems } = readTemplates(content, source === "" ? "template" : source);
  const catalog = withPublished(shelf.catalog, templates);
  const found = [...problems, ...templates.flatMap((each) => checkTemplate(each, { ...rules, catalog }))];
  if (found.some((problem) => !problem.warning)) return { problems: found };
  const fileHash = hashContent(Buffer.from(content));
  const taken = await store.templates.put({ filePath: null, fileHash, text: content, templates });
  if (taken.length > 0) throw versionTaken(taken);
  await followPublished(deps);
  const stored = { filePath: null, publishedAt: store.now() };
  logger.info({ templates: templates.map(({ name, version }) => `${name}@${version}`) }, "published templates");
  return { templates: templates.map((each) => toTemplateMessage(each, stored, shelf.catalog)), problems: found };
}

export async function describeTemplate(
  { store, shelf }: TemplateCallDeps,
  { name, version }: { name: string; version: string },
): Promise<MessageInitShape<typeof DescribeTemplateResponseSchema>> {
  const template = await requireTemplate(shelf, name, version);
  const stored = (await store.templates.list()).find(
    (each) => each.name === template.name && each.version === template.version,
  );
  if (stored === undefined) throw templateNotFound(name, version);
  return { template: toTemplateMessage(template, stored, shelf.catalog) };
}

/** Forgets a published version, or all of them where none is named, if no DAG was made from it. */
export async function withdrawTemplates(
  { store, logger }: TemplateCallDeps,
  { name, version }: { name: string; version: string },
): Promise<{ withdrawn: string[] }> {
  const listed = await store.templates.list();
  const meant = listed.filter((each) => each.name === name && (version === "" || each.version === version));
  if (meant.length === 0) throw templateNotFound(name, version);
  const keys = meant.map((each) => `${each.name}@${each.version}`);
  const file = meant.find((each) => each.filePath !== null)?.filePath ?? null;
  if (file !== null) {
    throw new AppError("TEMPLATE_IN_USE", `the template ${name} is in the file ${file}; remove it there`, {
      details: { file_path: file },
    });
  }
  const instances = await store.templates.listInstances();
  const users = instances.filter(({ uses }) => uses.some((key) => keys.includes(key))).map(({ dagId }) => dagId);
  if (users.length > 0) {
    const message = `the template ${name} stands behind ${users.join(", ")}; delete or update them first`;
    throw new AppError("TEMPLATE_IN_USE", message, { details: { dag_ids: users } });
  }
  for (const each of meant) await store.templates.withdraw(each);
  logger.info({ templates: keys }, "withdrew templates");
  return { withdrawn: keys };
}

/** Files in the folder may wait for what was published; a folder that can't be scanned is seen by the next scan. */
async function followPublished({ shelf, scanNow, logger }: TemplateCallDeps): Promise<void> {
  await scanNow().catch((error: unknown) =>
    logger.warn({ err: error }, "the folder was not scanned after a publication"),
  );
  await shelf.refresh();
}

export function readTemplates(
  content: string,
  file: string,
): { templates: readonly TemplateDocument[]; problems: readonly Problem[] } {
  const { templates, problems, instance, isPlain } = readDefinitionDocuments(content, file);
  const hasErrors = problems.some((problem) => !problem.warning);
  if (hasErrors || (!isPlain && instance === null)) return { templates: hasErrors ? [] : templates, problems };
  const message = "only templates can be published: each document begins with `template:`";
  return {
    templates: [],
    problems: [{ file, line: 1, column: 1, code: "NO_TEMPLATE", message, hint: "", warning: false }],
  };
}

export async function requireTemplate(shelf: TemplateShelf, name: string, version: string): Promise<TemplateDocument> {
  const range = version === "" ? "*" : version;
  if (!isRange(range)) {
    const message = `version ${JSON.stringify(version)} is no version and no range of them`;
    throw new AppError("INVALID_ARGUMENT", message, { details: { field: "version" } });
  }
  await shelf.refresh();
  const found = new TemplateSelection(shelf.catalog, new Map()).choose({ name, range }, "the call");
  if (isTemplate(found)) return found;
  throw new AppError("TEMPLATE_NOT_FOUND", `${found.message}; ${found.hint ?? ""}`, { details: { template: name } });
}

export function templateNotFound(name: string, version: string): AppError {
  const message = `there is no template ${name}${version === "" ? "" : ` ${version}`}`;
  return new AppError("TEMPLATE_NOT_FOUND", message, { details: { template: name } });
}

function versionTaken(taken: readonly TakenTemplate[]): AppError {
  const list = taken.map(
    ({ name, version, filePath }) => `${name} ${version}${filePath === null ? "" : ` (in ${filePath})`}`,
  );
  return new AppError("TEMPLATE_EXISTS", `another content has ${list.join(", ")}; raise the version`, {
    details: { templates: list },
  });
}
