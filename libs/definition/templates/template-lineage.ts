import { definitionLimits } from "../limits.ts";
import type { TemplateDocument } from "./definition-documents.ts";
import { finishBody, mergeBodies } from "./merge-bodies.ts";
import type { SourceFindings } from "./source-findings.ts";
import type { SourcedMap } from "./sourced-tree.ts";
import type { TemplateSelection } from "./template-catalog.ts";
import type { TemplateParameters } from "./template-parameters.ts";

/** A template with all that it inherits. */
export interface WholeTemplate {
  readonly template: TemplateDocument;
  /** From the furthest ancestor to the template itself. */
  readonly lineage: readonly TemplateDocument[];
  readonly parameters: TemplateParameters;
  readonly body: SourcedMap;
}

/** Puts a template together with its ancestors. Null, with a finding, when one of them can't be had. */
export function inherit(
  template: TemplateDocument,
  selection: TemplateSelection,
  findings: SourceFindings,
): WholeTemplate | null {
  const lineage = findLineage(template, selection, findings);
  if (lineage === null) return null;
  // A parameter that is declared again keeps its place in the order.
  const parameters = new Map(lineage.flatMap((each) => [...each.parameters]));
  const [first, ...heirs] = lineage.map(({ body }) => body);
  const merged = heirs.reduce((base, heir) => mergeBodies(base, heir), first ?? new Map());
  return { template, lineage, parameters, body: finishBody(merged) };
}

function findLineage(
  template: TemplateDocument,
  selection: TemplateSelection,
  findings: SourceFindings,
): readonly TemplateDocument[] | null {
  const lineage = [template];
  for (let current = template; current.extends !== null; ) {
    const at = { source: current.source, path: ["template", "extends"] };
    const base = selection.choose(current.extends, `template ${labelOf(current)}`);
    if (!isTemplate(base)) {
      findings.add(at, base);
      return null;
    }
    if (lineage.includes(base)) {
      findings.add(at, templateCycle("extends", [...lineage.slice(lineage.indexOf(base)), base]));
      return null;
    }
    if (lineage.length >= definitionLimits.templateDepth) {
      findings.add(at, tooDeep);
      return null;
    }
    lineage.push(base);
    current = base;
  }
  return lineage.toReversed();
}

export const tooDeep = {
  code: "TEMPLATE_TOO_DEEP",
  message: `more than ${definitionLimits.templateDepth} templates stand within each other`,
  hint: "flatten the chain",
};

/** `cycle` begins and ends with the same template. */
export function templateCycle(
  key: "extends" | "include",
  cycle: readonly TemplateDocument[],
): { code: string; message: string; hint: string } {
  const path = cycle.map(labelOf).join(" → ");
  return { code: "TEMPLATE_CYCLE", message: `\`${key}\` goes in a circle: ${path}`, hint: "remove one of them" };
}

export function labelOf({ name, version }: TemplateDocument): string {
  return `${name} ${version}`;
}

export function isTemplate(found: TemplateDocument | { readonly code: string }): found is TemplateDocument {
  return "body" in found;
}
