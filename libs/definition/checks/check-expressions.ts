import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { type AncestorSets, createAncestorSets } from "./ancestor-sets.ts";
import type { TaskGraph } from "./check-graph.ts";
import { readWebhooks, type WebhookOutline } from "./check-webhooks.ts";
import { hasExpression } from "../code/code-scan.ts";
import { languageOf } from "../rendering/compile-value.ts";
import { bareTemplate } from "../expressions/bare-expression.ts";
import type { ExpressionIssue } from "../expressions/expression-names.ts";
import { checkNames, type ExpressionScope, rootsOf } from "../expressions/expression-scope.ts";
import { createStepBudget } from "../expressions/evaluation-steps.ts";
import { type ExpectedValue, trialIssue } from "../expressions/expression-trial.ts";
import type { Expression } from "../expressions/expression.ts";
import { isJsonObject, isList, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { DeclaredOutputs, Json, JsonObject, ParameterDefinition } from "../model.ts";
import type { TaskOutline } from "../outline.ts";
import type { Finding, Path } from "../problem-list.ts";
import { compileTemplate, type TemplateLanguage } from "../code/template.ts";

/** Reports a finding at a character of the text at a path. */
export type ReportWithin = (path: Path, offset: number, finding: Finding) => void;

export interface ExpressionCheck {
  readonly root: JsonObject;
  readonly tasks: readonly TaskOutline[];
  readonly graph: TaskGraph;
  readonly parameters: Readonly<Record<string, ParameterDefinition>>;
  /** By the place of the task; null where it declares none. */
  readonly outputs: readonly (DeclaredOutputs | null)[];
  readonly operators: OperatorSchemas;
  readonly report: ReportWithin;
}

/** Checks every expression of the definition: syntax, names, places in code, and types as far as they can be told. */
export function checkExpressions(check: ExpressionCheck): void {
  new ExpressionChecker(check).run();
}

class ExpressionChecker {
  readonly #check: ExpressionCheck;
  readonly #ancestors: AncestorSets;
  readonly #declared: readonly string[];
  readonly #trialBudget = createStepBudget(definitionLimits.shortSteps);

  constructor(check: ExpressionCheck) {
    this.#check = check;
    this.#ancestors = createAncestorSets(check.graph.graph);
    this.#declared = [...Object.keys(check.parameters), ...sensorParameters(check)];
  }

  run(): void {
    const { root, tasks } = this.#check;
    this.#parameterDefaults();
    const defaults = objectAt(root, "default_task_config");
    const shared = Object.keys(objectAt(defaults, "parameters"));
    const scope: ExpressionScope = {
      roots: rootsOf.taskDefaults,
      place: "in `default_task_config`",
      parameters: new Set([...this.#declared, ...shared]),
      laterParameters: new Set(),
      task: null,
    };
    const environment: ExpressionScope = { ...scope, roots: rootsOf.defaultEnvironment };
    this.#value(ownValue(defaults, "environment"), ["default_task_config", "environment"], environment, "text");
    this.#value(ownValue(defaults, "parameters"), ["default_task_config", "parameters"], scope, "text");
    for (const webhook of readWebhooks(root)) this.#webhook(webhook);
    this.#sensors(ownValue(root, "sensors"));
    this.#concurrencyKey(objectAt(root, "concurrency"));
    for (const [index, task] of tasks.entries()) this.#task(index, task, shared);
  }

  #concurrencyKey(concurrency: JsonObject): void {
    const scope: ExpressionScope = {
      roots: rootsOf.newRun,
      place: "in the key of `concurrency`",
      parameters: new Set(this.#declared),
      laterParameters: new Set(),
      task: null,
    };
    this.#bare(ownValue(concurrency, "key"), ["concurrency", "key"], scope, "anything");
  }

  /** A default may read the parameters before it. */
  #parameterDefaults(): void {
    const written = objectAt(this.#check.root, "parameters");
    for (const [place, name] of this.#declared.entries()) {
      const fallback = this.#check.parameters[name]?.default;
      if (fallback === undefined || !hasExpression(fallback)) continue;
      const own = ownValue(written, name);
      const isLong = isJsonObject(own) && own["default"] === fallback;
      this.#value(
        fallback,
        isLong ? ["parameters", name, "default"] : ["parameters", name],
        {
          roots: rootsOf.newRun,
          place: "in the default of a parameter",
          parameters: new Set(this.#declared.slice(0, place)),
          laterParameters: new Set(this.#declared.slice(place)),
          task: null,
        },
        "text",
      );
    }
  }

  #webhook({ body, path }: WebhookOutline): void {
    const scope: ExpressionScope = {
      roots: rootsOf.webhook,
      place: "in `webhooks`",
      parameters: new Set(),
      laterParameters: new Set(),
      task: null,
    };
    this.#bare(ownValue(body, "when"), [...path, "when"], scope, "condition");
    this.#bare(ownValue(body, "logical_date"), [...path, "logical_date"], scope, "anything");
    for (const [name, text] of Object.entries(objectAt(body, "parameters"))) {
      this.#bare(text, [...path, "parameters", name], scope, "anything");
    }
  }

  #sensors(sensors: Json | undefined): void {
    const scope: ExpressionScope = {
      roots: rootsOf.message,
      place: "in `match`",
      parameters: new Set(),
      laterParameters: new Set(),
      task: null,
    };
    for (const [place, sensor] of (isList(sensors) ? sensors : []).entries()) {
      if (!isJsonObject(sensor) || ownValue(sensor, "type") !== "kafka") continue;
      this.#bare(ownValue(sensor, "match"), ["sensors", place, "match"], scope, "condition");
    }
  }

  #task(index: number, task: TaskOutline, shared: readonly string[]): void {
    const { body, path } = task;
    if (!hasExpression(body) && !["when", "for_each"].some((key) => Object.hasOwn(body, key))) return;
    const isHook = task.hook !== undefined;
    const ready: ExpressionScope = {
      roots: isHook ? rootsOf.readyHook : rootsOf.readyTask,
      place: "before the task has a worker",
      parameters: new Set([...this.#declared, ...shared, ...Object.keys(objectAt(body, "parameters"))]),
      laterParameters: new Set(),
      task: { index, id: task.id ?? "" },
    };
    const forEach = ownValue(body, "for_each");
    const ofAttempt = isHook ? rootsOf.hookAttempt : rootsOf.attempt;
    const roots = forEach === undefined ? ofAttempt : rootsOf.itemAttempt;
    const attempt: ExpressionScope = { ...ready, roots, place: "here" };
    this.#bare(ownValue(body, "when"), [...path, "when"], ready, "condition");
    if (forEach !== undefined) this.#forEach(forEach, [...path, "for_each"], ready);
    this.#value(ownValue(body, "parameters"), [...path, "parameters"], ready, "text");
    this.#value(ownValue(body, "environment"), [...path, "environment"], attempt, "text");
    const type = ownValue(body, "type");
    const schema = typeof type === "string" ? this.#check.operators.get(type) : undefined;
    const code = schema?.code ?? {};
    const operator = objectAt(body, "operator");
    const ofWait = isHook ? rootsOf.readyHook : rootsOf.waitingTask;
    const waitRoots = forEach === undefined ? ofWait : rootsOf.waitingItem;
    const waiting: ExpressionScope = { ...ready, roots: waitRoots, place: "in a task that has no worker" };
    const fields = schema?.runsIn === "executor" ? waiting : attempt;
    for (const [name, value] of Object.entries(operator)) {
      const language = languageOf(Object.hasOwn(code, name) ? code[name] : undefined, value, operator);
      this.#value(value, [...path, "operator", name], fields, language);
    }
  }

  #forEach(forEach: Json, path: Path, ready: ExpressionScope): void {
    const lists: ExpressionScope = { ...ready, roots: rootsOf.itemList, place: "in `for_each`" };
    if (!isJsonObject(forEach)) return this.#bare(forEach, path, lists, "list");
    this.#bare(ownValue(forEach, "items"), [...path, "items"], lists, "list");
    const keys: ExpressionScope = { ...lists, roots: rootsOf.itemKey };
    this.#bare(ownValue(forEach, "key"), [...path, "key"], keys, "anything");
  }

  #value(value: Json | undefined, path: Path, scope: ExpressionScope, language: TemplateLanguage): void {
    if (value === undefined || !hasExpression(value)) return;
    if (typeof value === "string") return this.#text(value, path, scope, { language, expects: "anything" });
    const entries: readonly (readonly [string | number, Json])[] = isList(value)
      ? [...value.entries()]
      : Object.entries(value as JsonObject);
    for (const [key, item] of entries) this.#value(item, [...path, key], scope, language);
  }

  /** An expression without braces; around all of it they are accepted. */
  #bare(text: Json | undefined, path: Path, scope: ExpressionScope, expects: ExpectedValue): void {
    if (typeof text !== "string") return;
    const { template, shift } = bareTemplate(text);
    this.#text(template, path, scope, { language: "text", expects, shift });
  }

  #text(
    text: string,
    path: Path,
    scope: ExpressionScope,
    { language, expects, shift = 0 }: { language: TemplateLanguage; expects: ExpectedValue; shift?: number },
  ): void {
    const { report, graph, outputs } = this.#check;
    const { issues, reads } = compileTemplate(text, language);
    const found = [...issues];
    let errors = 0;
    for (const { offset: start, names, expression } of reads) {
      if (errors > definitionLimits.problemsOfText) break;
      const own = names.flatMap((each) => [...checkNames(each, scope, { graph, outputs, ancestors: this.#ancestors })]);
      if (expression !== null && own.every((issue) => issue.warning === true))
        own.push(...this.#trial(expression, expects));
      errors += own.filter((issue) => issue.warning !== true).length;
      found.push(...own.map((issue) => ({ ...issue, offset: issue.offset + start })));
    }
    // Errors before warnings: what is left out must not make the definition look right.
    const weight = ({ warning = false }: ExpressionIssue): number => (warning ? 1 : 0);
    const ordered = found.toSorted((a, b) => weight(a) - weight(b) || a.offset - b.offset);
    const listed = ordered.slice(0, definitionLimits.problemsOfText);
    for (const { offset, ...finding } of listed) report(path, offset - shift, finding);
  }

  #trial(expression: Expression, expects: ExpectedValue): ExpressionIssue[] {
    const issue = trialIssue(expression, {
      parameters: this.#check.parameters,
      outputOf: (task, key) => this.#declaredOutput(task, key),
      expects,
      budget: this.#trialBudget,
    });
    return issue === null ? [] : [issue];
  }

  /** What is known of an output's type; of a fan-out each output is the list of what its items left. */
  #declaredOutput(name: string, key: string): ParameterDefinition | null {
    const { graph, tasks, outputs } = this.#check;
    const place = graph.places.get(name) ?? -1;
    if (Object.hasOwn(tasks[place]?.body ?? {}, "for_each")) return { type: "array", required: true };
    const declared = outputs[place] ?? {};
    return Object.hasOwn(declared, key) ? (declared[key] ?? null) : null;
  }
}

/** What a sensor saw comes as a parameter of its own, declared or not. */
function sensorParameters({ root, parameters }: ExpressionCheck): readonly string[] {
  return Object.hasOwn(root, "sensors") && !Object.hasOwn(parameters, "sensor") ? ["sensor"] : [];
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = ownValue(object, key);
  return isJsonObject(value) ? value : {};
}
