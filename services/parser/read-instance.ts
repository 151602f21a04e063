import { basename } from "node:path";
import type { Definition, JsonObject, Problem } from "#definition/model.ts";
import {
  type DefinitionDocuments,
  mayUseTemplates,
  readDefinitionDocuments,
} from "#definition/templates/definition-documents.ts";
import { instantiate, lineageHash } from "#definition/templates/instantiate.ts";
import { plainObject } from "#definition/templates/sourced-tree.ts";
import { emptyCatalog } from "#definition/templates/template-catalog.ts";
import type { TemplateInstance } from "#ports/template-store.ts";
import type { DefinitionRules } from "./read-definition.ts";

/** What a definition was made from; its DAG and its file are known to whoever registers it. */
export interface TemplateOrigin extends Omit<TemplateInstance, "dagId" | "filePath" | "fileHash" | "versionHash"> {
  /** Changes when one of the templates does. */
  readonly lineageHash: string;
}

interface MadeDefinition {
  readonly definition: Definition | null;
  readonly problems: readonly Problem[];
  readonly origin: TemplateOrigin | null;
}

/** Makes the definition of an instance. Null: the text is a definition as such. */
export function readInstance(text: string, file: string, rules: DefinitionRules): MadeDefinition | null {
  if (!mayUseTemplates(text)) return null;
  const documents = readDefinitionDocuments(text, file);
  if (documents.isPlain) return null;
  const hasErrors = documents.problems.some((problem) => !problem.warning);
  if (hasErrors || documents.instance === null)
    return { definition: null, problems: problemsOf(documents, file), origin: null };
  const { instance } = documents;
  const instanceName = basename(file).replace(/\.[^.]+$/, "");
  // A template beside the instance is known whether or not the folder is.
  const catalog = rules.templates ?? { ...emptyCatalog, templates: documents.templates };
  const { definition, problems, template, uses } = instantiate(instance, { ...rules, catalog, instanceName });
  const all = [...documents.problems, ...problems];
  if (definition === null || template === null) return { definition: null, problems: all, origin: null };
  const origin: TemplateOrigin = {
    instanceName,
    template: { name: template.name, version: template.version },
    range: instance.template.range,
    givenId: typeof instance.id === "string" ? instance.id : null,
    parameters: plainObject(instance.given) satisfies JsonObject,
    uses: uses.map(({ name, version }) => `${name}@${version}`),
    lineageHash: lineageHash(uses),
  };
  return { definition, problems: all, origin };
}

function problemsOf({ problems }: DefinitionDocuments, file: string): readonly Problem[] {
  if (problems.some((problem) => !problem.warning)) return problems;
  const message = "the file holds templates alone, and no definition";
  const hint = "write an instance: `from_template: {name, parameters}`";
  return [...problems, { file, line: 1, column: 1, code: "NO_DEFINITION", message, hint, warning: false }];
}
