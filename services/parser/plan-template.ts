import type { Definition, JsonObject, Problem } from "#definition/model.ts";
import { type DefinitionDiff, diffDefinitions, isUnchanged } from "#definition/definition-diff.ts";
import type { TemplateCatalog } from "#definition/templates/template-catalog.ts";
import type { TemplateInstance } from "#ports/template-store.ts";
import { instanceText } from "./instance-text.ts";
import { type DefinitionRules, readDefinition, type ValidDefinition } from "./read-definition.ts";

/** What would become of one instance with the templates that are given. */
export type PlannedInstance =
  | { readonly kind: "unchanged"; readonly toVersion: string }
  | {
      readonly kind: "changed";
      readonly toVersion: string;
      readonly diff: DefinitionDiff;
      readonly read: ValidDefinition;
    }
  | { readonly kind: "broken"; readonly problems: readonly Problem[] };

/** Makes an instance again and compares it with what is in force. */
export function planInstance(
  instance: TemplateInstance,
  inForce: Definition,
  { catalog, rules }: { catalog: TemplateCatalog; rules: DefinitionRules },
): PlannedInstance {
  const read = readAgain(instance, { ...rules, templates: catalog });
  if (read.kind === "invalid") return { kind: "broken", problems: read.problems };
  const toVersion = read.origin?.template.version ?? "";
  if (read.definition.id !== instance.dagId)
    return { kind: "broken", problems: [renamed(instance, read.definition.id)] };
  const diff = diffDefinitions(inForce, read.definition);
  const isSame = isUnchanged(diff) && toVersion === instance.template.version;
  return isSame ? { kind: "unchanged", toVersion } : { kind: "changed", toVersion, diff, read };
}

/** The name of its file gives an instance its id where nothing else does. */
function readAgain(instance: TemplateInstance, rules: DefinitionRules): ReturnType<typeof readDefinition> {
  const { template, range, givenId, parameters, instanceName, filePath } = instance;
  const text = instanceText({ name: template.name, range, id: givenId, parameters: parameters as JsonObject });
  return readDefinition(Buffer.from(text), filePath ?? `${instanceName}.yaml`, rules);
}

function renamed({ dagId, filePath, instanceName }: TemplateInstance, id: string): Problem {
  return {
    file: filePath ?? instanceName,
    line: 1,
    column: 1,
    code: "ID_CHANGED",
    message: `the DAG ${dagId} would become ${id}, which is another DAG`,
    hint: filePath === null ? "make a new instance, and delete this one" : "its file makes the new one by itself",
    warning: false,
  };
}

/** The templates as they would be if others were published. */
export function withPublished(catalog: TemplateCatalog, published: TemplateCatalog["templates"]): TemplateCatalog {
  const keyOf = ({ name, version }: { name: string; version: string }): string => `${name}@${version}`;
  const keys = new Set(published.map(keyOf));
  const isOther = (template: { name: string; version: string }): boolean => !keys.has(keyOf(template));
  return {
    templates: [...catalog.templates.filter(isOther), ...published],
    broken: catalog.broken.filter(isOther),
  };
}
