import { closestName } from "#core/closest-name.ts";
import { hasExpression } from "../code/code-scan.ts";
import { sampleOf } from "../expressions/expression-trial.ts";
import { variablePattern } from "../schema/id-forms.ts";
import { isJsonObject, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { Json, ParameterDefinition } from "../model.ts";
import { readParameters } from "../schema/parameter-definition.ts";
import { findViolations } from "../rendering/parameter-value.ts";
import { type Finding, proposal } from "../problem-list.ts";
import { fillNode } from "./fill-tree.ts";
import type { FillScope } from "./fill-expression.ts";
import type { Source, SourceFindings } from "./source-findings.ts";
import { isMadeUp } from "./find-node.ts";
import { type Origin, type SourcedMap, type SourcedNode, sourcedNode, toPlainJson } from "./sourced-tree.ts";
import { dottedNames, reservedNames } from "./template-names.ts";

/** A parameter as a template declares it. */
export interface TemplateParameter {
  readonly definition: ParameterDefinition;
  /** Its value names a template. */
  readonly isReference: boolean;
  readonly origin: Origin;
  /** Its default as written; undefined: none. */
  readonly fallback: SourcedNode | undefined;
}

export type TemplateParameters = ReadonlyMap<string, TemplateParameter>;

const referenceType = "template_reference";

/** The parameters below `template.parameters`, with findings on what is wrong with them. */
export function readTemplateParameters(
  written: Json | undefined,
  source: Source,
  findings: SourceFindings,
): TemplateParameters {
  if (!isJsonObject(written)) return new Map();
  const root = {
    parameters: Object.fromEntries(Object.entries(written).map(([name, value]) => [name, asText(value)])),
  };
  const known = readParameters(root, (path, finding, at) =>
    findings.add({ source, path: ["template", ...path], isKey: at === "key" }, finding),
  );
  return new Map(
    Object.entries(known).map(([name, definition]) => {
      const path = ["template", "parameters", name];
      const own = ownValue(written, name);
      if (!variablePattern.test(name) || reservedNames.has(name)) {
        findings.add({ source, path, isKey: true }, unusableName(name));
      }
      const isLong = isJsonObject(own) && own["default"] === definition.default && "default" in own;
      const fallback =
        definition.default === undefined
          ? undefined
          : sourcedNode(definition.default, source, isLong ? [...path, "default"] : path);
      return [name, { definition, isReference: isReference(own), origin: { source, path }, fallback }] as const;
    }),
  );
}

function unusableName(name: string): Finding {
  const hint = reservedNames.has(name) ? "the name has a meaning of its own" : "letters, digits and `_`";
  return {
    code: "INVALID_ID",
    message: `the parameter name ${JSON.stringify(name)} can't be used in a template`,
    hint,
  };
}

function isReference(value: Json | undefined): boolean {
  return isJsonObject(value) && value["type"] === referenceType;
}

/** A reference is the text of a name. */
function asText(value: Json): Json {
  return isJsonObject(value) && isReference(value) ? { ...value, type: "string" } : value;
}

interface ResolveOptions {
  /** What `.template` holds. */
  readonly template: { readonly name: string; readonly version: string };
  /** Where a missing value is reported. */
  readonly at: Origin;
  readonly findings: SourceFindings;
  /** What is wrong with a value that names a template; null: nothing. */
  readonly checkReference: (reference: string) => Finding | null;
  /** Required parameters without a value get an example, of which nothing more is said. */
  readonly makeUpMissing?: boolean;
  readonly budget?: { left: number };
}

/**
 * The values of a template's parameters: what is given, which is data, else the default, filled with the parameters
 * before it. Every broken rule is one finding.
 */
export function resolveTemplateParameters(
  parameters: TemplateParameters,
  given: SourcedMap,
  options: ResolveOptions,
): FillScope {
  const { template, findings } = options;
  const values = Object.assign(Object.create(null) as Record<string, Json>, { template: { ...template } });
  const madeUp = new Set<string>();
  const doubles = new Set(
    [...parameters].flatMap(([name, { definition }]) => (definition.type === "number" ? [name] : [])),
  );
  const declared = new Set([...parameters.keys()]);
  const later = new Set(declared);
  const budget = options.budget ?? { left: definitionLimits.fileBytes };
  const scope: FillScope = { values, declared, later, doubles, madeUp, budget };
  for (const [name, node] of given) {
    if (!declared.has(name)) findings.add({ ...node.origin, isKey: true }, unknownParameter(name, declared));
    else visitTexts(node, (each, text) => warnOfExpression(each, text, findings));
  }
  for (const [name, parameter] of parameters) {
    const node = given.get(name) ?? filledDefault(parameter, scope, options);
    later.delete(name);
    if (node !== null) {
      values[name] = toPlainJson(node);
      // Of a wrong value its own finding says enough.
      if (isMadeUp(node) || !checkValue(name, node, parameter, options)) madeUp.add(name);
    } else if (parameter.definition.required || parameter.isReference) {
      if (options.makeUpMissing !== true) findings.add(options.at, missingParameter(name, parameter));
      values[name] = sampleOf(parameter.definition, parameter.definition.type ?? "string");
      madeUp.add(name);
    }
  }
  return { ...scope, later: new Set() };
}

function filledDefault(
  { fallback }: TemplateParameter,
  scope: FillScope,
  { findings }: ResolveOptions,
): SourcedNode | null {
  return fallback === undefined ? null : fillNode(fallback, "plain", { scope, findings });
}

/** Whether the value fits. */
function checkValue(
  name: string,
  node: SourcedNode,
  { definition, isReference: names }: TemplateParameter,
  { findings, checkReference }: ResolveOptions,
): boolean {
  const value = toPlainJson(node);
  const violations = findViolations(value, definition);
  for (const { message } of violations) {
    findings.add(node.origin, { code: "INVALID_PARAMETER", message: `\`${name}\` ${message}` });
  }
  const finding = names && typeof value === "string" ? checkReference(value) : null;
  if (finding !== null) findings.add(node.origin, finding);
  return violations.length === 0 && finding === null;
}

function unknownParameter(name: string, declared: ReadonlySet<string>): Finding {
  const near = closestName(name, declared);
  const list = declared.size === 0 ? "it takes none" : `its parameters are ${[...declared].join(", ")}`;
  const hint = near === null ? list : proposal(near);
  return { code: "UNKNOWN_PARAMETER", message: `the template has no parameter \`${name}\``, hint };
}

function missingParameter(name: string, { definition }: TemplateParameter): Finding {
  const hint = definition.description ?? "";
  return { code: "MISSING_PARAMETER", message: `the parameter \`${name}\` is required`, hint };
}

/** What can be said of defaults without any value. */
export function checkDefaults(parameters: TemplateParameters, findings: SourceFindings): void {
  for (const { fallback } of parameters.values()) {
    if (fallback === undefined) continue;
    visitTexts(fallback, (node, text) => {
      if (dottedNames(text.replaceAll(/[{}]/g, " ")).length === 0) warnOfExpression(node, text, findings);
    });
  }
}

/** A value is data: nobody would render an expression in it. */
function warnOfExpression({ origin }: SourcedNode, text: string, findings: SourceFindings): void {
  if (!hasExpression(text)) return;
  findings.add(origin, {
    code: "EXPRESSION_AS_TEXT",
    message: "values for a template's parameters are data: the expression in this one stays text",
    hint: "write expressions of run time into the template's body",
    warning: true,
  });
}

function visitTexts(node: SourcedNode, visit: (node: SourcedNode, text: string) => void): void {
  const { value } = node;
  if (typeof value === "string") visit(node, value);
  else if (typeof value === "object" && value !== null) for (const item of value.values()) visitTexts(item, visit);
}
