import { createHash } from "node:crypto";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { isJsonObject } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { Definition, JsonObject, Problem } from "../model.ts";
import { checkDefinition, countExpressions } from "../parse-definition.ts";
import type { Finding, Path } from "../problem-list.ts";
import type { InstanceDocument, TemplateDocument } from "./definition-documents.ts";
import { type FillContext, fillTemplate } from "./fill-template.ts";
import { createSourceFindings, type SourceFindings } from "./source-findings.ts";
import { isMadeUp, nodeAt, writtenOffset } from "./find-node.ts";
import { type Origin, sourcedNode, type SourcedMap, type SourcedNode, toPlainJson } from "./sourced-tree.ts";
import { type TemplateCatalog, TemplateSelection } from "./template-catalog.ts";
import { isTemplate } from "./template-lineage.ts";

export interface InstantiateOptions {
  readonly catalog: TemplateCatalog;
  readonly operators: OperatorSchemas;
  readonly maxTaskTimeoutMs: number;
  /** What the instance is called where neither it nor the template says an id: `<template>_<name>`. */
  readonly instanceName: string;
}

/** A version of a template that an instance was made from, by itself or through another one. */
export interface UsedTemplate {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}

export interface Instantiation {
  /** The id as far as it could be read. */
  readonly id: string | null;
  /** Null when a problem is no mere warning. */
  readonly definition: Definition | null;
  /** The definition as one would write it by hand; null where it could not be put together. */
  readonly written: JsonObject | null;
  /** The template that was named; null: there is none. */
  readonly template: TemplateDocument | null;
  readonly uses: readonly UsedTemplate[];
  /** Each in its own file; warnings among them. */
  readonly problems: readonly Problem[];
}

/** Makes a definition from a template and checks it. The same documents always give the same definition. */
export function instantiate(instance: InstanceDocument, options: InstantiateOptions): Instantiation {
  const pins = new Map<string, string>();
  for (let round = 1; ; round += 1) {
    const selection = new TemplateSelection(options.catalog, pins);
    const findings = createSourceFindings();
    const made = new Making(instance, options, { selection, findings }).run();
    const { conflict } = selection;
    if (conflict !== null && "version" in conflict && round < definitionLimits.templateRounds) {
      pins.set(conflict.name, conflict.version);
      continue;
    }
    if (conflict !== null) findings.add(templateNameOf(instance), "version" in conflict ? undecided : conflict);
    return {
      ...made,
      definition: findings.hasErrors ? null : made.definition,
      uses: selection.used.map(({ name, version, hash }) => ({ name, version, hash })),
      problems: findings.sorted(),
    };
  }
}

const undecided: Finding = {
  code: "TEMPLATE_CONFLICT",
  message: `no choice of versions fits all the templates within ${definitionLimits.templateRounds} attempts`,
  hint: "name exact versions in `extends` and `include`",
};

/** Stands for everything that an instance was made from: it changes when one of the templates does. */
export function lineageHash(uses: readonly UsedTemplate[]): string {
  const lines = uses.map(({ name, version, hash }) => `${name}@${version} ${hash}`);
  return createHash("sha256").update(lines.toSorted().join("\n")).digest("hex");
}

class Making {
  readonly #instance: InstanceDocument;
  readonly #options: InstantiateOptions;
  readonly #selection: TemplateSelection;
  readonly #findings: SourceFindings;

  constructor(
    instance: InstanceDocument,
    options: InstantiateOptions,
    parts: { selection: TemplateSelection; findings: SourceFindings },
  ) {
    this.#instance = instance;
    this.#options = options;
    this.#selection = parts.selection;
    this.#findings = parts.findings;
  }

  run(): Omit<Instantiation, "uses" | "problems"> {
    const instance = this.#instance;
    const at = templateNameOf(instance);
    const template = this.#selection.choose(instance.template, instance.source.file);
    if (!isTemplate(template)) {
      this.#findings.add(at, template);
      return { id: null, definition: null, written: null, template: null };
    }
    return makeDefinition(template, {
      ...this.#options,
      id: instance.id === undefined ? null : sourcedNode(instance.id, instance.source, ["id"]),
      given: instance.given,
      at,
      selection: this.#selection,
      findings: this.#findings,
      makeUpMissing: false,
    });
  }
}

function templateNameOf({ source }: InstanceDocument): Origin {
  return { source, path: ["from_template", "name"] };
}

interface MakeOptions extends Omit<InstantiateOptions, "catalog"> {
  /** Null: the template's own. */
  readonly id: SourcedNode | null;
  readonly given: SourcedMap;
  readonly at: Origin;
  readonly selection: TemplateSelection;
  readonly findings: SourceFindings;
  readonly makeUpMissing: boolean;
}

/** Fills a template and checks what comes out, but for what depends on example values. */
export function makeDefinition(
  template: TemplateDocument,
  options: MakeOptions,
): Omit<Instantiation, "uses" | "problems"> {
  const { findings, operators, maxTaskTimeoutMs, given, at } = options;
  const context: FillContext = {
    ...options,
    budget: { left: definitionLimits.fileBytes },
    included: { count: 0, tasks: 0 },
  };
  const body = fillTemplate(template, { given, at, outer: [] }, context);
  if (body === null) return { id: null, definition: null, written: null, template };
  const id = options.id ?? body.get("id") ?? { origin: at, value: `${template.name}_${options.instanceName}` };
  const entries = [...body].filter(([key]) => key !== "id");
  const tree: SourcedNode = {
    origin: { source: template.source, path: ["dag"] },
    value: new Map([["id", id], ...entries]),
  };
  const root = toPlainJson(tree);
  if (!isJsonObject(root)) return { id: null, definition: null, written: null, template };
  const checked = checkDefinition(
    {
      root,
      expressionCount: countExpressions(JSON.stringify(root)),
      report: (path, finding, part = "value") => reportAt(tree, { path, isKey: part === "key" }, finding, findings),
      reportWithin: (path, offset, finding) => reportAt(tree, { path, isKey: false, offset }, finding, findings),
      hasErrors: () => findings.hasErrors,
    },
    { operators, maxTaskTimeoutMs },
  );
  return { ...checked, written: root, template };
}

function reportAt(
  tree: SourcedNode,
  { path, isKey, offset }: { path: Path; isKey: boolean; offset?: number },
  finding: Finding,
  findings: SourceFindings,
): void {
  const { node, isFound } = nodeAt(tree, path);
  if (isFound && isMadeUp(node) && !isKey) return;
  const { origin } = node;
  findings.add(
    {
      source: origin.source,
      path: origin.path,
      isKey: origin.isKey === true || (isKey && isFound),
      ...(offset === undefined ? {} : { offset: writtenOffset(node, offset) }),
    },
    finding,
  );
}
