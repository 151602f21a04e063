import { createHash } from "node:crypto";
import semver from "semver";
import { isJsonObject, isList, ownValue } from "../json.ts";
import type { Json, JsonObject, Problem } from "../model.ts";
import { checkSchema } from "../schema/schema-problems.ts";
import { createSourcePlaces } from "../yaml/source-places.ts";
import { readYamlDocuments } from "../yaml/yaml-document.ts";
import { toJson } from "../yaml/yaml-value.ts";
import { createSourceFindings, type Source, type SourceFindings } from "./source-findings.ts";
import { isSourcedMap, type SourcedMap, sourcedNode } from "./sourced-tree.ts";
import { checkDefaults, readTemplateParameters, type TemplateParameters } from "./template-parameters.ts";
import { readReference, type TemplateReference } from "./template-reference.ts";
import { instanceFileSchema, templateFileSchema } from "./template-schema.ts";

/** A template as it was written, checked by itself. */
export interface TemplateDocument {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its values, hex: comments and spaces don't count. */
  readonly hash: string;
  readonly source: Source;
  readonly extends: TemplateReference | null;
  readonly parameters: TemplateParameters;
  readonly docs: string;
  readonly tests: readonly TemplateTest[];
  readonly body: SourcedMap;
}

export interface TemplateTest {
  readonly name: string;
  readonly parameters: JsonObject;
  /** The code of the problem that must be found; null: there must be no error. */
  readonly error: string | null;
}

/** A document that makes a definition from a template. */
export interface InstanceDocument {
  readonly source: Source;
  readonly template: TemplateReference;
  readonly given: SourcedMap;
  /** The id of the DAG as written; undefined: the template's. */
  readonly id: Json | undefined;
}

/** What a file of definitions holds. */
export interface DefinitionDocuments {
  readonly templates: readonly TemplateDocument[];
  readonly instance: InstanceDocument | null;
  /** It is no template and no instance, but a definition as such, whose problems are found when it is parsed. */
  readonly isPlain: boolean;
  readonly problems: readonly Problem[];
}

/** Whether a text may hold templates or be made from one: a cheap look, for the many that do neither. */
export function mayUseTemplates(text: string): boolean {
  return text.includes("template");
}

/** Reads the documents of a file: any number of templates, with at most one instance beside them. */
export function readDefinitionDocuments(text: string, file: string): DefinitionDocuments {
  const { documents, problems, lineStarts } = readYamlDocuments(text, file);
  const findings = createSourceFindings();
  const templates: TemplateDocument[] = [];
  let instance: InstanceDocument | null = null;
  let instanceCount = 0;
  let isPlain = documents.length === 0;
  for (const document of documents) {
    const { value: root, isComplete } = toJson(document, problems);
    const source = { file, places: createSourcePlaces(document, text), lineStarts, label: "" };
    if (!isComplete) continue;
    const kind = kindOf(root);
    if (kind === "template") {
      const template = readTemplate(root as JsonObject, source, findings);
      if (template !== null) templates.push(template);
      continue;
    }
    instanceCount += 1;
    if (instanceCount > 1 || (kind === "definition" && documents.length > 1)) {
      findings.add({ source, path: [] }, severalDefinitions);
    } else if (kind === "instance") instance = readInstance(root as JsonObject, source, findings);
    else isPlain = true;
  }
  reportRepeated(templates, findings);
  return {
    templates,
    instance,
    isPlain,
    problems: [...problems.sorted(), ...findings.sorted()],
  };
}

const severalDefinitions = {
  code: "SEVERAL_DOCUMENTS",
  message: "the file holds more than one YAML document",
  hint: "a file holds one definition, or any number of templates and at most one instance",
};

function kindOf(root: Json): "template" | "instance" | "definition" {
  if (!isJsonObject(root)) return "definition";
  if (Object.hasOwn(root, "template") || (Object.hasOwn(root, "dag") && !Object.hasOwn(root, "from_template"))) {
    return "template";
  }
  return Object.hasOwn(root, "from_template") ? "instance" : "definition";
}

function readTemplate(root: JsonObject, plain: Source, findings: SourceFindings): TemplateDocument | null {
  const header = ownValue(root, "template");
  const name = isJsonObject(header) ? ownValue(header, "name") : undefined;
  const label = typeof name === "string" ? `template ${name}` : "template";
  const source = { ...plain, label };
  const isGood = checkShape(root, source, findings, templateFileSchema);
  if (!isGood || !isJsonObject(header) || typeof name !== "string") return null;
  const version = readVersion(header, source, findings);
  const parameters = readTemplateParameters(ownValue(header, "parameters"), source, findings);
  checkDefaults(parameters, findings);
  const base = readReference(ownValue(header, "extends"), ["template", "extends"], source, findings);
  const body = sourcedNode(ownValue(root, "dag") ?? {}, source, ["dag"]).value;
  if (!Object.hasOwn(root, "dag") && base === null) {
    const hint = "write the body below `dag:`, or name a template under `extends`";
    findings.add({ source, path: [] }, { code: "MISSING_KEY", message: "`dag` is required", hint });
  }
  const docs = ownValue(header, "docs");
  return {
    name,
    version,
    hash: createHash("sha256").update(JSON.stringify(root)).digest("hex"),
    source,
    extends: base,
    parameters,
    docs: typeof docs === "string" ? docs : "",
    tests: readTests(header),
    body: isSourcedMap(body) ? body : new Map(),
  };
}

/** Whether keys and types are right. */
function checkShape(
  root: JsonObject,
  source: Source,
  findings: SourceFindings,
  schema: typeof templateFileSchema | typeof instanceFileSchema,
): boolean {
  const found = checkSchema(schema, root);
  for (const { path, isKey, finding } of found) {
    const isOwnKey = schema === instanceFileSchema && isKey && path.length === 1;
    findings.add({ source, path, isKey }, isOwnKey ? { ...finding, hint: instanceHint } : finding);
  }
  return found.length === 0;
}

const instanceHint = "an instance has `id` and `from_template`; what else it may choose are the template's parameters";

function readVersion(header: JsonObject, source: Source, findings: SourceFindings): string {
  const written = ownValue(header, "version") ?? "0.0.0";
  const version = typeof written === "string" ? semver.valid(written) : null;
  if (version !== null && version === written) return version;
  const hint = version === null ? "write three numbers, such as 1.2.0" : `write ${version}`;
  const message = `${JSON.stringify(written)} is no semantic version`;
  findings.add({ source, path: ["template", "version"] }, { code: "INVALID_VERSION", message, hint });
  return "0.0.0";
}

function readTests(header: JsonObject): readonly TemplateTest[] {
  const written = ownValue(header, "tests");
  return (isList(written) ? written : []).filter(isJsonObject).map((test, place) => {
    const { name, parameters, error } = test;
    return {
      name: typeof name === "string" ? name : `test ${place + 1}`,
      parameters: isJsonObject(parameters) ? parameters : {},
      error: typeof error === "string" ? error : null,
    };
  });
}

function readInstance(root: JsonObject, source: Source, findings: SourceFindings): InstanceDocument | null {
  if (!checkShape(root, source, findings, instanceFileSchema)) return null;
  const header = ownValue(root, "from_template");
  const template = readReference(header, ["from_template"], source, findings);
  if (template === null || !isJsonObject(header)) return null;
  const given = sourcedNode(ownValue(header, "parameters") ?? {}, source, ["from_template", "parameters"]).value;
  return { source, template, given: isSourcedMap(given) ? given : new Map(), id: ownValue(root, "id") };
}

function reportRepeated(templates: readonly TemplateDocument[], findings: SourceFindings): void {
  const seen = new Set<string>();
  for (const { name, version, source } of templates) {
    const key = `${name}@${version}`;
    if (seen.has(key)) {
      const message = `the version ${version} stands in this file twice`;
      findings.add(
        { source, path: ["template", "name"] },
        { code: "DUPLICATE_ID", message, hint: "raise one of the two" },
      );
    }
    seen.add(key);
  }
}
