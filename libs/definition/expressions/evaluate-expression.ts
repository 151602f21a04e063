import { isCelError } from "@bufbuild/cel";
import { AppError, describeError } from "#errors/app-error.ts";
import { type CelBindings, type ExpressionValue, fromCelResult, Instant, toCelInput } from "./cel-environment.ts";
import { takeStepsFor } from "./cel-costs.ts";
import { createStepBudget, type StepBudget, takeFrom } from "./evaluation-steps.ts";
import type { Term } from "./cel-program.ts";
import type { ExpressionNames, RootName } from "./expression-names.ts";
import type { Expression } from "./expression.ts";
import { type FilterContext, toText } from "./filters.ts";
import type { Json, JsonObject } from "../model.ts";
import type { RenderContext } from "../rendering/render-context.ts";

/** A context together with what the definition says of its values. */
export interface Scope {
  readonly context: RenderContext;
  /** Parameters of type `number`: CEL reads them as doubles also where they are whole. */
  readonly doubles: ReadonlySet<string>;
  /** What all that is evaluated in the scope may take together; absent: each its own. */
  readonly steps?: StepBudget;
}

/**
 * The value of an expression. Throws VALUE_MISSING by name when a parameter or output is not there and no `default`
 * follows, and EXPRESSION_FAILED, with `isTypeError` in its details, when the value can't be computed.
 */
function evaluateExpression(expression: Expression, scope: Scope): ExpressionValue {
  const filterContext: FilterContext = { timezone: scope.context.timezone, keepsTime: expression.keepsTime };
  let value = evaluateTerm(expression.value, expression, scope);
  for (const { name, filter, given } of expression.steps) {
    if (name === "default") {
      if (value === undefined || value === null) value = given[0] && evaluateTerm(given[0], expression, scope);
      continue;
    }
    if (value === undefined) continue;
    const values = given.map((term) => evaluateTerm(term, expression, scope));
    if (values.includes(undefined)) throw missingValue(expression, scope);
    try {
      value = filter.apply(value, values as ExpressionValue[], filterContext);
    } catch (error) {
      // Text may or may not be what the filter needs; any other kind of value never is.
      throw failure(expression, `\`${name}\` ${describeError(error)}`, typeof value !== "string");
    }
  }
  if (value === undefined) throw missingValue(expression, scope);
  return value;
}

/** The value as JSON; an instant becomes its text. */
export function evaluateToJson(expression: Expression, scope: Scope): Json {
  const value = evaluateExpression(expression, scope);
  return value instanceof Instant ? evaluatedText(value, expression, scope) : value;
}

/** The value as it stands in longer text. */
export function evaluateToText(expression: Expression, scope: Scope): string {
  return evaluatedText(evaluateExpression(expression, scope), expression, scope);
}

function evaluatedText(value: ExpressionValue, { keepsTime }: Expression, { context }: Scope): string {
  return toText(value, { timezone: context.timezone, keepsTime });
}

/** Undefined: something that it reads is missing. */
function evaluateTerm(term: Term, expression: Expression, scope: Scope): ExpressionValue | undefined {
  if (term.kind === "path") return lookUp(term.path, scope.context);
  takeFrom(scope.steps ?? createStepBudget());
  const result = term.run(bindings(expression.names, scope));
  if (isCelError(result)) {
    if (isMissing(result.message)) return undefined;
    throw failure(
      expression,
      result.message,
      /no matching overload|type mismatch|unsupported key type/.test(result.message),
    );
  }
  try {
    takeStepsFor([result]);
    return fromCelResult(result);
  } catch (error) {
    throw failure(expression, describeError(error), false);
  }
}

function isMissing(message: string): boolean {
  return /^(field not found|unresolved attribute|index .* out of bounds)/.test(message);
}

function lookUp([root, ...steps]: readonly string[], context: RenderContext): ExpressionValue | undefined {
  let from = steps;
  let value: ExpressionValue | undefined;
  if (root === "outputs") {
    value = context.outputs(steps[0] ?? "");
    from = steps.slice(1);
  } else if (root === "secrets") {
    value = context.secretMarker?.(steps[0] ?? "");
    from = [];
  } else {
    value = rootValue(root as Exclude<RootName, "outputs">, context);
  }
  for (const step of from) {
    if (typeof value !== "object" || value === null || value instanceof Instant || !Object.hasOwn(value, step))
      return undefined;
    value = (value as JsonObject)[step];
  }
  return value;
}

/** Undefined: there is no such thing here. */
function rootValue(root: Exclude<RootName, "outputs">, context: RenderContext): ExpressionValue | undefined {
  switch (root) {
    case "params":
      return context.params;
    case "run":
      return context.run;
    case "task_instance":
      return context.taskInstance;
    case "temp_dir":
      return context.tempDir;
    // Read by name alone, never as a whole.
    case "secrets":
      return undefined;
    case "ended":
      return context.ended;
    case "item":
      return context.item?.value;
    case "item_index":
      return context.item?.index;
    case "body":
      return context.webhook?.body;
    case "headers":
      return context.webhook?.headers ?? context.message?.headers;
    case "key":
      return context.message?.key;
    case "value":
      return context.message?.value;
    case "partition":
      return context.message?.partition;
    case "offset":
      return context.message?.offset;
    case "timestamp":
      return instantOf(context.message?.timestamp);
    case "execution_date":
      return new Instant(context.logicalAt);
    case "data_interval_start":
      return new Instant(context.intervalStartAt);
    case "data_interval_end":
      return new Instant(context.intervalEndAt);
    case "now":
      return new Instant(context.now);
  }
}

function instantOf(atMs: number | null | undefined): Instant | null | undefined {
  return typeof atMs === "number" ? new Instant(atMs) : atMs;
}

function rootInput(root: Exclude<RootName, "outputs">, context: RenderContext): CelBindings[string] | undefined {
  const value = rootValue(root, context);
  return value === undefined ? undefined : toCelInput(value);
}

/** Only what the expression names is converted: outputs may be large. */
function bindings(names: readonly ExpressionNames[], { context, doubles }: Scope): CelBindings {
  const bound: CelBindings = Object.create(null) as CelBindings;
  const outputs = new Map<string, Map<string, ReturnType<typeof toCelInput>>>();
  const parameters = new Map<string, ReturnType<typeof toCelInput>>();
  const bindParameter = (name: string): void => {
    if (Object.hasOwn(context.params, name)) parameters.set(name, toCelInput(context.params[name], doubles.has(name)));
  };
  for (const { roots, parameters: read, outputs: pulled, readsAllParameters } of names) {
    for (const { name } of readsAllParameters ? Object.keys(context.params).map((name) => ({ name })) : read)
      bindParameter(name);
    for (const { task, key } of pulled) {
      const left = context.outputs(task) ?? {};
      const byKey = outputs.get(task) ?? new Map<string, ReturnType<typeof toCelInput>>();
      outputs.set(task, byKey);
      if (Object.hasOwn(left, key)) byKey.set(key, toCelInput(left[key]));
    }
    for (const { name } of roots) {
      const value = name === "params" ? parameters : name === "outputs" ? outputs : rootInput(name, context);
      if (value !== undefined) bound[name] = value;
    }
  }
  return bound;
}

/** Names the first thing that is not there. */
function missingValue({ names, source }: Expression, { context }: Scope): AppError {
  for (const { parameters, outputs } of names) {
    for (const { name } of parameters) {
      if (Object.hasOwn(context.params, name)) continue;
      return new AppError("VALUE_MISSING", `the parameter \`${name}\` is not set, but {{ ${source} }} needs it`, {
        details: { parameter: name },
      });
    }
    for (const { task, key } of outputs) {
      const left = context.outputs(task) ?? {};
      if (Object.hasOwn(left, key)) continue;
      const keys = Object.keys(left);
      const has = keys.length === 0 ? "it left none" : `it left ${keys.join(", ")}`;
      return new AppError("VALUE_MISSING", `the task \`${task}\` left no output \`${key}\`; ${has}`, {
        details: { task, key, keys },
      });
    }
  }
  return new AppError("VALUE_MISSING", `{{ ${source} }} reads a key that is not there`, {
    details: { expression: source },
  });
}

function failure({ source }: Expression, message: string, isTypeError: boolean): AppError {
  return new AppError("EXPRESSION_FAILED", `{{ ${source} }}: ${message}`, {
    details: { expression: source, isTypeError },
  });
}
