import { AppError } from "#errors/app-error.ts";
import { hasExpression } from "../code/code-scan.ts";
import { type StepBudget, takeFrom } from "./evaluation-steps.ts";
import { evaluateToJson } from "./evaluate-expression.ts";
import { isList } from "../json.ts";
import type { ExpressionIssue, RootName } from "./expression-names.ts";
import type { Expression } from "./expression.ts";
import type { Json, JsonObject, ParameterDefinition } from "../model.ts";
import type { ParameterType } from "../rendering/parameter-value.ts";
import type { EndedView, RenderContext } from "../rendering/render-context.ts";

const someTime = Date.UTC(2026, 0, 31, 2, 0, 0);

const someEnd: EndedView = {
  task_id: "task",
  state: "failed",
  error: "text",
  duration_ms: 1,
  failed_count: 1,
  failed_tasks: [{ task_id: "task", error: "text" }],
  message: "text",
};

const samples: Readonly<Record<ParameterType, Json>> = {
  string: "text",
  integer: 1,
  number: 1.5,
  boolean: true,
  array: [],
  object: {},
};

/** What these give only a real run, request or message knows. */
const untried: ReadonlySet<RootName> = new Set(["item", "body", "headers", "key", "value"]);

/** What an expression must give at its place. */
export type ExpectedValue = "condition" | "list" | "anything";

interface Trial {
  readonly parameters: Readonly<Record<string, ParameterDefinition>>;
  /** What is declared of an output of a task; null: nothing. */
  readonly outputOf: (task: string, key: string) => ParameterDefinition | null;
  readonly expects: ExpectedValue;
  /** Turns of loops that all trials of a file may still take. */
  readonly budget: StepBudget;
}

/**
 * Evaluates the expression with made-up values of the declared types and reports operators and filters that do not fit
 * them. An expression that reads an item, a request, or parameters and outputs without a type can't be tried.
 */
export function trialIssue(
  expression: Expression,
  { parameters, outputOf, expects, budget }: Trial,
): ExpressionIssue | null {
  if (budget.left <= 0) return null;
  const params: Record<string, Json> = {};
  const outputs: Record<string, Record<string, Json>> = Object.create(null);
  for (const names of expression.names) {
    if (names.readsAllParameters) return null;
    if (names.roots.some(({ name }) => untried.has(name))) return null;
    for (const { name } of names.parameters) {
      const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
      if (parameter === undefined || parameter.type === null) return null;
      params[name] = sampleOf(parameter, parameter.type);
    }
    for (const { task, key } of names.outputs) {
      const output = outputOf(task, key);
      if (output === null || output.type === null) return null;
      outputs[task] = { ...outputs[task], [key]: sampleOf(output, output.type) };
    }
  }
  const doubles = new Set(Object.keys(params).filter((name) => parameters[name]?.type === "number"));
  takeFrom(budget);
  try {
    const value = evaluateToJson(expression, {
      context: contextOf(params, outputs),
      doubles,
      steps: budget,
    });
    const message = misfit(value, expects);
    return message === null ? null : { offset: 0, code: "EXPRESSION_TYPE", message };
  } catch (error) {
    if (!(error instanceof AppError) || error.details["isTypeError"] !== true) return null;
    return { offset: 0, code: "EXPRESSION_TYPE", message: error.message };
  }
}

function misfit(value: Json, expects: ExpectedValue): string | null {
  if (expects === "condition" && typeof value !== "boolean")
    return `the condition gives ${JSON.stringify(value)}, not true or false`;
  if (expects === "list" && !isList(value)) return `\`for_each\` gives ${JSON.stringify(value)}, not a list`;
  return null;
}

/** A value that fits the parameter's type, for want of a real one. */
export function sampleOf({ default: fallback, enum: choices, format }: ParameterDefinition, type: ParameterType): Json {
  if (choices?.[0] !== undefined) return choices[0];
  if (fallback !== undefined && fallback !== null && !hasExpression(fallback)) return fallback;
  if (format !== undefined) return format === "date" ? "2026-01-31" : "2026-01-31T02:00:00Z";
  return samples[type];
}

function contextOf(params: JsonObject, outputs: Readonly<Record<string, JsonObject>>): RenderContext {
  return {
    params,
    logicalAt: someTime,
    intervalStartAt: someTime,
    intervalEndAt: someTime,
    now: someTime,
    timezone: "UTC",
    run: { dag_run_id: "run", dag_id: "dag", run_type: "manual", start_date: "2026-01-31T02:00:00Z" },
    taskInstance: { task_id: "task", try_number: 1, max_tries: 1 },
    outputs: (task) => outputs[task],
    item: { value: null, index: 0 },
    tempDir: "/tmp",
    ended: someEnd,
    message: { key: null, value: null, headers: {}, partition: 0, offset: 0, timestamp: someTime },
  };
}
