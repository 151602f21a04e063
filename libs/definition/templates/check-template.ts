import type { Problem } from "../model.ts";
import type { TemplateDocument, TemplateTest } from "./definition-documents.ts";
import { instantiate, type InstantiateOptions, makeDefinition } from "./instantiate.ts";
import { createSourceFindings } from "./source-findings.ts";
import { idOf, listTasks } from "./merge-bodies.ts";
import { isSourcedMap, type SourcedMap, sourcedNode } from "./sourced-tree.ts";
import { TemplateSelection } from "./template-catalog.ts";
import { inherit, labelOf } from "./template-lineage.ts";

/** What a template has from its ancestors. */
export interface Inherited {
  /** From the nearest to the furthest ancestor, as `name version`. */
  readonly from: readonly string[];
  readonly parameters: readonly string[];
  readonly tasks: readonly string[];
  /** Those of them that the template changes. */
  readonly changedTasks: readonly string[];
}

type CheckOptions = Omit<InstantiateOptions, "instanceName">;

/**
 * Checks a template with everything behind it: filled with its defaults, and with examples where there are none, of which
 * nothing is said; then by its own tests.
 */
export function checkTemplate(template: TemplateDocument, options: CheckOptions): readonly Problem[] {
  const findings = createSourceFindings();
  const selection = new TemplateSelection(options.catalog, new Map([[template.name, template.version]]));
  const at = { source: template.source, path: ["template", "name"] };
  makeDefinition(template, {
    ...options,
    instanceName: "example",
    id: null,
    given: new Map(),
    at,
    selection,
    findings,
    makeUpMissing: true,
  });
  const tests = findings.hasErrors
    ? []
    : template.tests.flatMap((test, place) => runTest(template, test, place, options));
  return withoutRepeats([...findings.sorted(), ...tests]);
}

function runTest(
  template: TemplateDocument,
  test: TemplateTest,
  place: number,
  options: CheckOptions,
): readonly Problem[] {
  const { source, name, version } = template;
  const path = ["template", "tests", place];
  const given = sourcedNode(test.parameters, source, [...path, "parameters"]).value;
  const instance = {
    source,
    template: { name, range: version },
    given: isSourcedMap(given) ? given : new Map(),
    id: undefined,
  };
  const { problems } = instantiate(instance, { ...options, instanceName: "test" });
  const errors = problems.filter((problem) => !problem.warning);
  if (test.error === null) return errors.map((each) => ({ ...each, message: `${each.message} (in ${test.name})` }));
  if (errors.some(({ code }) => code === test.error)) return [];
  const findings = createSourceFindings();
  const found = errors.length === 0 ? "no problem" : [...new Set(errors.map(({ code }) => code))].join(", ");
  const message = `${test.name} expects ${test.error}, and there is ${found}`;
  findings.add({ source, path }, { code: "TEST_FAILED", message });
  return findings.sorted();
}

/** Each problem once: what is wrong in a template is found again by every instance. */
export function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  const keyOf = ({ file, line, column, code, message }: Problem): string =>
    [file, line, column, code, message].join("\0");
  return [...new Map(problems.map((problem) => [keyOf(problem), problem])).values()];
}

/** What the template has from its ancestors; null: they can't be had. */
export function inheritedBy(template: TemplateDocument, { catalog }: Pick<CheckOptions, "catalog">): Inherited | null {
  const whole = inherit(template, new TemplateSelection(catalog, new Map()), createSourceFindings());
  if (whole === null) return null;
  const ancestors = whole.lineage.slice(0, -1).toReversed();
  const idsOf = (body: SourcedMap): readonly string[] => {
    const tasks = body.get("tasks");
    return tasks === undefined ? [] : listTasks(tasks).flatMap((task) => idOf(task) ?? []);
  };
  const inherited = new Set(ancestors.flatMap(({ body }) => idsOf(body)));
  const own = new Set(idsOf(template.body));
  const tasks = idsOf(whole.body).filter((id) => inherited.has(id));
  return {
    from: ancestors.map(labelOf),
    parameters: [...whole.parameters].flatMap(([name, { origin }]) =>
      origin.source === template.source ? [] : [name],
    ),
    tasks,
    changedTasks: tasks.filter((id) => own.has(id)),
  };
}
