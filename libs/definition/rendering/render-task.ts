import { AppError } from "#errors/app-error.ts";
import { type CompiledDefinition, type CompiledTask, taskAt } from "./compile-definition.ts";
import type { ShellValues } from "./compile-value.ts";
import { evaluateToJson, type Scope } from "../expressions/evaluate-expression.ts";
import { isJsonObject, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { Json, JsonObject } from "../model.ts";
import type { RenderContext } from "./render-context.ts";
import { checkSchema } from "../schema/schema-problems.ts";
import { taskScope } from "./task-scope.ts";

/** A task with its values, as a worker gets it. */
export interface RenderedTask {
  /** The fields of the kind of work. Shell code refers to `values`; inline Python of `python_command` is `python_code`. */
  readonly operator: JsonObject;
  /** Of definition, task and operator together. */
  readonly environment: Readonly<Record<string, string>>;
  /** Environment variables that the code refers to. */
  readonly values: Readonly<Record<string, string>>;
  /** Of definition, task and trigger together. */
  readonly parameters: JsonObject;
}

/**
 * Renders one task. Throws VALUE_MISSING, EXPRESSION_FAILED, or VALUE_UNUSABLE for a value with NUL, one that is too
 * large for the environment, or one that the field can't take; each names the parameter, output, variable or field.
 */
export function renderTask(compiled: CompiledDefinition, taskIndex: number, context: RenderContext): RenderedTask {
  const task = taskAt(compiled, taskIndex);
  const scope = taskScope(compiled, task, context);
  const parameters = scope.context.params;
  if (!isConstant(task)) return { ...renderFields(task, scope), parameters };
  const known = constants.get(task) ?? renderFields(task, scope);
  constants.set(task, known);
  return { ...known, parameters };
}

/** Tasks without expressions are rendered once. */
const constants = new WeakMap<CompiledTask, Omit<RenderedTask, "parameters">>();

function isConstant({ operator, environment }: CompiledTask): boolean {
  return operator.isConstant && environment.isConstant;
}

function renderFields(task: CompiledTask, scope: Scope): Omit<RenderedTask, "parameters"> {
  const values = new CheckedValues();
  const operator = task.operator.render(scope, values) as JsonObject;
  const fields = ownValue(operator, "environment");
  const environment = new CheckedValues();
  environment.setAll(task.environment.render(scope, values));
  if (fields !== undefined) environment.setAll(fields);
  if (!task.operator.isConstant) checkFields(task, operator);
  return { operator: withInlineCode(operator, task.inlineField), environment: environment.all, values: values.all };
}

/** Whether the task is to run at all. Throws as `renderTask` does, also when the condition is not true or false. */
export function evaluateWhen(compiled: CompiledDefinition, taskIndex: number, context: RenderContext): boolean {
  const task = taskAt(compiled, taskIndex);
  if (task.when === null) return true;
  const value = evaluateToJson(task.when, taskScope(compiled, task, context));
  if (typeof value === "boolean") return value;
  throw new AppError(
    "EXPRESSION_FAILED",
    `\`when: ${task.when.source}\` must be true or false, not ${JSON.stringify(value)}`,
    {
      details: { expression: task.when.source, isTypeError: true },
    },
  );
}

/** A field whose text is an expression could be checked only now. SQL is in pieces by now, and was checked as text. */
function checkFields({ definition, schema }: CompiledTask, operator: JsonObject): void {
  const first = checkSchema(schema.fields, operator).find(({ path: [field = ""] }) => schema.code[field] !== "sql");
  if (first === undefined) return;
  const where = first.path.length === 0 ? "operator" : `operator.${first.path.join(".")}`;
  throw new AppError(
    "VALUE_UNUSABLE",
    `\`${where}\` of task ${definition.id} can't take its value: ${first.finding.message}`,
    {
      details: { task: definition.id, field: where },
    },
  );
}

function withInlineCode(operator: JsonObject, field: string | null): JsonObject {
  if (field === null) return operator;
  return Object.fromEntries(
    Object.entries(operator).map(([name, value]) => [name === field ? "python_code" : name, value]),
  );
}

/** Environment variables, each checked as it is set. */
class CheckedValues implements ShellValues {
  readonly all: Record<string, string> = {};

  set(name: string, value: string, source: string): void {
    if (value.includes("\0")) throw unusable(source, "holds a NUL character, which no environment variable can");
    if (!value.isWellFormed()) throw unusable(source, "holds half of a character (a lone surrogate)");
    const bytes = Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
    if (bytes > definitionLimits.environmentEntryBytes) {
      throw unusable(
        source,
        `is too large for an environment variable (${bytes} bytes, the limit is ${definitionLimits.environmentEntryBytes})`,
      );
    }
    this.all[name] = value;
  }

  setAll(values: Json): void {
    if (!isJsonObject(values)) return;
    for (const [name, value] of Object.entries(values)) {
      const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
      this.set(name, text, `the variable ${name}`);
    }
  }
}

function unusable(source: string, why: string): AppError {
  return new AppError("VALUE_UNUSABLE", `the value of ${source} ${why}`, { details: { source } });
}
