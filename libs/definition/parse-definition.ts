import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { checkEnclosures } from "./checks/check-enclosures.ts";
import { checkExpressions, type ReportWithin } from "./checks/check-expressions.ts";
import { checkGraph } from "./checks/check-graph.ts";
import { checkOperators } from "./checks/check-operators.ts";
import { checkAllSettings } from "./checks/check-settings.ts";
import { checkSelfTrigger } from "./checks/check-self-trigger.ts";
import { checkSensors } from "./checks/check-sensors.ts";
import { checkTriggerRules } from "./checks/check-trigger-rules.ts";
import { checkWebhooks } from "./checks/check-webhooks.ts";
import { type DagInput, dagSchema, type TaskInput, taskBodySchema, taskSchema } from "./schema/definition-schema.ts";
import { graphWithHooks } from "./hooks/graph-with-hooks.ts";
import { readHooks } from "./hooks/read-hooks.ts";
import { isJsonObject, ownValue } from "./json.ts";
import { definitionLimits } from "./limits.ts";
import type { Definition, JsonObject, Problem } from "./model.ts";
import { normalizeDefinition } from "./normalize-definition.ts";
import { readDagId, readTasks, type Report, type TaskOutline } from "./outline.ts";
import { readOutputs } from "./checks/output-definition.ts";
import { readParameters } from "./schema/parameter-definition.ts";
import type { Finding, Path } from "./problem-list.ts";
import { readSchedule } from "./checks/read-schedule.ts";
import { hookSchema } from "./schema/hook-schema.ts";
import { checkSchema } from "./schema/schema-problems.ts";
import type { SensorInput } from "./schema/sensor-schema.ts";
import { createSourcePlaces } from "./yaml/source-places.ts";
import { readYaml } from "./yaml/yaml-document.ts";
import { toJson } from "./yaml/yaml-value.ts";

export interface ParseOptions {
  /** The name of the file in problems. */
  readonly file: string;
  readonly operators: OperatorSchemas;
  /** Milliseconds; also the timeout of a task that says nothing. */
  readonly maxTaskTimeoutMs: number;
}

export interface ParsedDefinition {
  /** The id as far as it could be read, so that an error can be tied to its DAG. */
  readonly id: string | null;
  /** Null when a problem is no mere warning. */
  readonly definition: Definition | null;
  /** By line and column; warnings among them. */
  readonly problems: readonly Problem[];
}

/** Reads and checks a definition. Everything that is wrong is reported at once; nothing is thrown for bad input. */
export function parseDefinition(text: string, { file, operators, maxTaskTimeoutMs }: ParseOptions): ParsedDefinition {
  const { document, problems } = readYaml(text, file);
  if (document === null) return { id: null, definition: null, problems: problems.sorted() };
  const places = createSourcePlaces(document, text);
  const report: Report = (path, finding, at = "value") =>
    problems.add(at === "key" ? places.key(path) : places.value(path), finding);
  const { value: root, isComplete } = toJson(document, problems);
  if (!isComplete) return { id: null, definition: null, problems: problems.sorted() };
  if (!isJsonObject(root)) {
    const hint = "begin with `id:` and `tasks:`";
    report([], { code: "INVALID_TYPE", message: "a definition is a map of keys", hint });
    return { id: null, definition: null, problems: problems.sorted() };
  }
  const tree: DefinitionTree = {
    root,
    expressionCount: countExpressions(text),
    report,
    reportWithin: (path, offset, finding) => problems.add(places.within(path, offset), finding),
    hasErrors: () => problems.hasErrors,
  };
  const { id, definition } = checkDefinition(tree, { operators, maxTaskTimeoutMs });
  return { id, definition, problems: problems.sorted() };
}

/** The keys and values of a definition, wherever they come from, and where findings on them go. */
export interface DefinitionTree {
  readonly root: JsonObject;
  readonly expressionCount: number;
  readonly report: Report;
  readonly reportWithin: ReportWithin;
  readonly hasErrors: () => boolean;
}

/** Everything that is to be said of a definition but the syntax of its file. */
export function checkDefinition(
  { root, expressionCount, report, reportWithin, hasErrors }: DefinitionTree,
  { operators, maxTaskTimeoutMs }: Omit<ParseOptions, "file">,
): Pick<ParsedDefinition, "id" | "definition"> {
  const id = readDagId(root, report);
  const ownTasks = readTasks(root, report);
  const ownGraph = checkGraph(ownTasks, report);
  checkTriggerRules(root, ownTasks, ownGraph, report);
  const hooks = readHooks(root, ownTasks, { operators, report });
  const tasks = [...ownTasks, ...hooks];
  const graph = graphWithHooks(ownGraph, hooks);
  checkShape(root, tasks, report);
  const parameters = readParameters(root, report);
  const schedule = readSchedule(root, report);
  checkAllSettings(root, tasks, { parameters, maxTaskTimeoutMs, operators, report });
  checkOperators(tasks, operators, report);
  checkSelfTrigger(root, tasks, report);
  checkEnclosures(root, tasks, { operators, report });
  const outputs = readOutputs(root, ownTasks, report);
  checkWebhooks(root, parameters, report);
  checkSensors(root, report);
  if (expressionCount > definitionLimits.expressions) report([], tooManyExpressions);
  else checkExpressions({ root, tasks, graph, parameters, outputs, operators, report: reportWithin });
  if (id === null || hasErrors()) return { id, definition: null };
  const checked = {
    id,
    dag: root as DagInput,
    tasks: tasks.map((task, place) => ({
      id: task.id ?? "",
      body: task.body as TaskInput,
      outputs: outputs[place] ?? null,
      ...(task.hook === undefined ? {} : { hook: { of: task.hook.of, on: task.hook.on } }),
    })),
    graph,
    parameters,
    schedule,
    sensors: (ownValue(root, "sensors") ?? []) as unknown as readonly SensorInput[],
  };
  return { id, definition: normalizeDefinition(checked, { operators, maxTaskTimeoutMs }) };
}

const tooManyExpressions: Finding = {
  code: "TOO_MANY_EXPRESSIONS",
  message: `the file holds more than ${definitionLimits.expressions} expressions`,
  hint: "split the definition",
};

/** Upper bound: every opening counts, also in text that is no expression. */
export function countExpressions(text: string): number {
  let count = 0;
  for (let at = text.indexOf("{{"); at !== -1; at = text.indexOf("{{", at + 2)) count += 1;
  return count;
}

/** Keys and types, of the definition and of each task. */
function checkShape(root: JsonObject, tasks: readonly TaskOutline[], report: Report): void {
  const check = (
    schema: typeof dagSchema | typeof taskSchema | typeof taskBodySchema | typeof hookSchema,
    value: JsonObject,
    base: Path,
  ): void => {
    for (const { path, isKey, finding } of checkSchema(schema, value)) {
      report([...base, ...path], finding, isKey ? "key" : "value");
    }
  };
  check(dagSchema, root, []);
  for (const { path, body, isMap, hook } of tasks) {
    if (!isMap) continue;
    const ownSchema = typeof path[1] === "number" ? taskSchema : taskBodySchema;
    check(hook === undefined ? ownSchema : hookSchema, body, path);
  }
}
