import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Settings } from "#config/settings-schema.ts";
import type { Problem } from "#definition/model.ts";
import type { TemplateDocument } from "#definition/templates/definition-documents.ts";
import { parseReference } from "#definition/templates/template-reference.ts";
import { type TemplateCatalog, TemplateSelection } from "#definition/templates/template-catalog.ts";
import { isTemplate } from "#definition/templates/template-lineage.ts";
import { AppError } from "#errors/app-error.ts";
import { filesIn, readTemplateFiles } from "./template-files.ts";

/** The templates of the settings' folder. Throws `INVALID_ARGUMENT` when there is no such folder. */
export async function readFolder({
  dags,
}: Settings): Promise<{ catalog: TemplateCatalog; problems: readonly Problem[] }> {
  const isFolder = await stat(resolve(dags.directory)).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const message = `there is no folder ${dags.directory} with templates; name it with --dags`;
    throw new AppError("INVALID_ARGUMENT", message);
  }
  return readTemplateFiles(await filesIn(dags));
}

/** The template that `name` or `name@range` means. Throws `TEMPLATE_NOT_FOUND` with what there is. */
export function findTemplate(catalog: TemplateCatalog, text: string): TemplateDocument {
  const found = new TemplateSelection(catalog, new Map()).choose(parseReference(text), "you");
  if (isTemplate(found)) return found;
  const hint = found.hint === undefined || found.hint === "" ? "" : `; ${found.hint}`;
  throw new AppError("TEMPLATE_NOT_FOUND", `${found.message}${hint}`, { details: { template: text } });
}
