import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { isEqual } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { checkSchema } from "../schema/schema-problems.ts";
import type { TemplateDocument } from "./definition-documents.ts";
import { isRange, invalidRange, parseReference } from "./template-reference.ts";
import { fillBody } from "./fill-tree.ts";
import { listTasks } from "./merge-bodies.ts";
import { prefixTasks } from "./prefix-tasks.ts";
import type { SourceFindings } from "./source-findings.ts";
import { isMadeUp } from "./find-node.ts";
import {
  isSourcedList,
  isSourcedMap,
  type Origin,
  plainObject,
  type SourcedMap,
  type SourcedNode,
  toPlainJson,
} from "./sourced-tree.ts";
import type { TemplateSelection } from "./template-catalog.ts";
import { inherit, isTemplate, labelOf, templateCycle, tooDeep } from "./template-lineage.ts";
import { resolveTemplateParameters } from "./template-parameters.ts";
import { includeSchema } from "./template-schema.ts";

/** What filling one template needs, the included ones too. */
export interface FillContext {
  readonly selection: TemplateSelection;
  readonly operators: OperatorSchemas;
  readonly findings: SourceFindings;
  /** Required parameters without a value get an example. */
  readonly makeUpMissing: boolean;
  readonly budget: { left: number };
  readonly included: { count: number; tasks: number };
}

interface Filling {
  readonly given: SourcedMap;
  /** Where a missing value is reported. */
  readonly at: Origin;
  /** The templates that include each other down to this one. */
  readonly outer: readonly TemplateDocument[];
}

/** The body of a template with everything filled in, inherited and included. Null when it can't be put together at all. */
export function fillTemplate(template: TemplateDocument, filling: Filling, context: FillContext): SourcedMap | null {
  const { selection, findings } = context;
  const whole = inherit(template, selection, findings);
  if (whole === null) return null;
  const scope = resolveTemplateParameters(whole.parameters, filling.given, {
    ...context,
    template,
    at: filling.at,
    checkReference(text) {
      const reference = parseReference(text);
      if (!isRange(reference.range)) return invalidRange(reference.range);
      const found = selection.choose(reference, `template ${labelOf(template)}`);
      return isTemplate(found) ? null : found;
    },
  });
  const body = fillBody(whole.body, { scope, operators: context.operators, findings });
  const include = body.get("include");
  if (include === undefined) return body;
  return includeAll(body, include, { ...filling, outer: [...filling.outer, template] }, context);
}

function includeAll(body: SourcedMap, include: SourcedNode, filling: Filling, context: FillContext): SourcedMap {
  const result = new Map(body);
  result.delete("include");
  if (!isSourcedList(include.value)) {
    const message = "`include` must be a list of templates";
    context.findings.add(include.origin, { code: "INVALID_TYPE", message });
    return result;
  }
  const own = result.get("tasks");
  const tasks = own === undefined ? [] : [...listTasks(own)];
  for (const entry of include.value) {
    const included = includeOne(entry, filling, context);
    if (included === null) continue;
    tasks.push(...included.tasks);
    mergeParameters(result, included.parameters, { entry, body, findings: context.findings });
  }
  result.set("tasks", { origin: own?.origin ?? include.origin, value: tasks });
  return result;
}

interface Included {
  readonly tasks: readonly SourcedNode[];
  /** Of the run. */
  readonly parameters: SourcedMap;
}

function includeOne(entry: SourcedNode, filling: Filling, context: FillContext): Included | null {
  const { findings, included, selection } = context;
  const { source, path } = entry.origin;
  const written = isSourcedMap(entry.value) ? entry.value : new Map<string, SourcedNode>();
  const issues = checkSchema(includeSchema, isSourcedMap(entry.value) ? plainObject(entry.value) : null);
  for (const { path: inner, isKey, finding } of issues) {
    findings.add({ source, path: [...path, ...inner], isKey }, finding);
  }
  if (issues.length > 0) return null;
  const { template: text, version, prefix } = plainObject(written) as JsonObject & { template: string; prefix: string };
  const named = parseReference(text);
  const reference = typeof version === "string" ? { name: named.name, range: version } : named;
  if (!isRange(reference.range)) {
    findings.add(written.get("version")?.origin ?? entry.origin, invalidRange(reference.range));
    return null;
  }
  const at = written.get("template")?.origin ?? entry.origin;
  if (isMadeUp(entry) && written.get("template")?.isMadeUp === true) return null;
  const template = selection.choose(reference, `template ${labelOf(filling.outer.at(-1) as TemplateDocument)}`);
  if (!isTemplate(template)) {
    findings.add(at, template);
    return null;
  }
  const refusal = refusalOf(template, filling.outer, included);
  if (refusal !== null) {
    findings.add(at, refusal);
    return null;
  }
  included.count += 1;
  const given = written.get("parameters")?.value;
  const inner = { given: isSourcedMap(given) ? given : new Map(), at, outer: filling.outer };
  const body = fillTemplate(template, inner, context);
  if (body === null) return null;
  const tasks = prefixTasks(body, prefix, findings);
  included.tasks += tasks.length;
  const parameters = body.get("parameters")?.value;
  return { tasks, parameters: isSourcedMap(parameters) ? parameters : new Map() };
}

function refusalOf(
  template: TemplateDocument,
  outer: readonly TemplateDocument[],
  included: FillContext["included"],
): { code: string; message: string; hint: string } | null {
  if (outer.includes(template)) return templateCycle("include", [...outer.slice(outer.indexOf(template)), template]);
  if (outer.length >= definitionLimits.templateDepth) return tooDeep;
  if (included.count < definitionLimits.includes && included.tasks <= definitionLimits.tasks) return null;
  const { includes, tasks } = definitionLimits;
  const message = `more than ${includes} templates, or ${tasks} tasks of them, are included`;
  return { code: "TEMPLATE_TOO_LARGE", message, hint: "split the definition" };
}

/** Included tasks read parameters of the run that their template declares; what the including body says wins. */
function mergeParameters(
  result: Map<string, SourcedNode>,
  included: SourcedMap,
  { entry, body, findings }: { entry: SourcedNode; body: SourcedMap; findings: SourceFindings },
): void {
  const known = result.get("parameters");
  const merged = new Map(known !== undefined && isSourcedMap(known.value) ? known.value : []);
  const own = body.get("parameters")?.value;
  for (const [name, node] of included) {
    const other = merged.get(name);
    if (other === undefined) merged.set(name, node);
    else if (!(isSourcedMap(own) && own.has(name)) && !isEqual(toPlainJson(other), toPlainJson(node))) {
      const message = `two included templates declare the run's parameter \`${name}\` differently`;
      const hint = "declare it under `dag.parameters` here, which wins";
      findings.add(entry.origin, { code: "TEMPLATE_CONFLICT", message, hint });
    }
  }
  if (merged.size > 0) result.set("parameters", { origin: known?.origin ?? entry.origin, value: merged });
}
