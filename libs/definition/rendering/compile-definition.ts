import { classifyPythonCommand } from "#core/classify-python-command.ts";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchema, OperatorSchemas } from "#ports/operator-schema.ts";
import { compileEntries, compileValue, languageOf, type Renderable, VariableNames } from "./compile-value.ts";
import { compileExpression, type Expression } from "../expressions/expression.ts";
import type { Definition, JsonObject, ParameterDefinition, TaskDefinition } from "../model.ts";
import { hasExpression } from "../code/code-scan.ts";
import { shareEqualParts } from "../share-equal-parts.ts";

/** An output that a task reads: its values must be fetched before the task is rendered. */
export interface OutputRef {
  readonly task: string;
  readonly key: string;
}

/** What makes one instance of a task per element of a list. */
export interface CompiledForEach {
  readonly items: Expression;
  /** Null: an item is named by its place in the list. */
  readonly key: Expression | null;
  readonly limit: number;
  readonly outputRefs: readonly OutputRef[];
}

/** What is needed of a task beside its expressions: a process keeps tens of thousands of them. */
type KeptTask = Pick<TaskDefinition, "id" | "parameters" | "captureStdout" | "enclosure" | "resources">;

/** A task whose expressions are parsed. */
export interface CompiledTask {
  readonly definition: KeptTask;
  readonly schema: OperatorSchema;
  /** Of its fields, environment, parameters and `when` together, each output once. */
  readonly outputRefs: readonly OutputRef[];
  /** Null: always true. */
  readonly when: Expression | null;
  /** Null: one instance. */
  readonly forEach: CompiledForEach | null;
  readonly parameters: Renderable;
  readonly environment: Renderable;
  readonly operator: Renderable;
  /** What inline Python under `python_command` is called once it is rendered, so that nobody classifies it again. */
  readonly inlineField: string | null;
}

/** A definition ready to render; the places of `tasks` are those of the definition. */
export interface CompiledDefinition {
  readonly definition: { readonly timezone: string; readonly tasks: readonly KeptTask[] };
  readonly tasks: readonly CompiledTask[];
  /** Parameters that CEL reads as doubles. */
  readonly doubles: ReadonlySet<string>;
  /** Defaults of the definition's parameters. */
  readonly defaults: ReadonlyMap<string, Renderable>;
}

/**
 * Parses every expression of a checked definition once, of which only what rendering needs is kept, equal parts shared.
 * Throws INVALID_DEFINITION for a kind of work that is unknown here.
 */
export function compileDefinition(checked: Definition, operators: OperatorSchemas): CompiledDefinition {
  const { timezone, parameters, tasks: given } = shareEqualParts(checked);
  const tasks = given.map((task) => compileTask(task, operators));
  return {
    definition: { timezone, tasks: tasks.map(({ definition }) => definition) },
    tasks,
    doubles: doublesOf(parameters),
    defaults: compileDefaults(parameters),
  };
}

/** Throws RangeError for a place that the definition does not have. */
export function taskAt({ tasks }: CompiledDefinition, index: number): CompiledTask {
  const task = tasks[index];
  if (task === undefined) throw new RangeError(`the definition has no task at place ${index}`);
  return task;
}

/** Names of parameters that are numbers with fractions, whatever value they have. */
export function doublesOf(parameters: Definition["parameters"]): ReadonlySet<string> {
  return new Set(Object.entries(parameters).flatMap(([name, { type }]) => (type === "number" ? [name] : [])));
}

/** The defaults that parameters have, in their order. */
export function compileDefaults(
  parameters: Readonly<Record<string, ParameterDefinition>>,
): ReadonlyMap<string, Renderable> {
  const variables = new VariableNames();
  const found = new Map<string, Renderable>();
  for (const [name, { default: value }] of Object.entries(parameters)) {
    if (value !== undefined) found.set(name, compileValue(value, "text", variables));
  }
  return found;
}

function compileTask(task: TaskDefinition, operators: OperatorSchemas): CompiledTask {
  const schema = operators.get(task.type);
  if (schema === undefined) {
    throw new AppError("INVALID_DEFINITION", `task ${task.id} is of the type ${task.type}, which is not known here`, {
      details: { task: task.id, type: task.type },
    });
  }
  const variables = new VariableNames();
  const when = task.when === null ? null : compileBare(task, "when", task.when);
  const parameters = compileValue(task.parameters, "text", variables);
  const environment = compileValue(task.environment, "text", variables);
  const operator = compileOperator(task.operator, schema, variables);
  const expressions = [
    ...(when === null ? [] : [when]),
    ...parameters.expressions,
    ...environment.expressions,
    ...operator.expressions,
  ];
  return {
    definition: keptOf(task),
    schema,
    outputRefs: outputRefsOf(expressions),
    when,
    forEach: compileForEach(task),
    parameters,
    environment,
    operator,
    inlineField: inlineFieldOf(task.operator, schema),
  };
}

function keptOf({ id, parameters, captureStdout, enclosure, resources }: TaskDefinition): KeptTask {
  return {
    id,
    parameters,
    captureStdout,
    ...(enclosure === undefined ? {} : { enclosure }),
    ...(resources === undefined ? {} : { resources }),
  };
}

function compileForEach(task: TaskDefinition): CompiledForEach | null {
  if (task.forEach === undefined) return null;
  const items = compileBare(task, "for_each", task.forEach.items);
  const key = task.forEach.key === null ? null : compileBare(task, "for_each.key", task.forEach.key);
  const outputRefs = outputRefsOf(key === null ? [items] : [items, key]);
  return { items, key, limit: task.forEach.limit, outputRefs };
}

function compileBare(task: TaskDefinition, place: string, text: string): Expression {
  const { expression, issues } = compileExpression(text);
  if (expression !== null) return expression;
  const reason = issues[0]?.message ?? text;
  throw new AppError("INVALID_DEFINITION", `\`${place}\` of task ${task.id} can't be used: ${reason}`);
}

function compileOperator(operator: JsonObject, schema: OperatorSchema, variables: VariableNames): Renderable {
  if (!hasExpression(operator)) return compileValue(operator, "text", variables);
  const fields = Object.entries(operator).map(([name, value]) => {
    const code = Object.hasOwn(schema.code, name) ? schema.code[name] : undefined;
    return [name, compileValue(value, languageOf(code, value, operator), variables)] as const;
  });
  return compileEntries(new Map(fields));
}

function inlineFieldOf(operator: JsonObject, schema: OperatorSchema): string | null {
  for (const [name, language] of Object.entries(schema.code)) {
    const text = operator[name];
    if (language === "python_command" && typeof text === "string" && classifyPythonCommand(text) === "inline")
      return name;
  }
  return null;
}

/** Most tasks read none. */
const noOutputRefs: readonly OutputRef[] = [];

function outputRefsOf(expressions: readonly Expression[]): readonly OutputRef[] {
  if (expressions.length === 0) return noOutputRefs;
  const found = new Map<string, OutputRef>();
  for (const { names } of expressions) {
    for (const { task, key } of names.flatMap((each) => each.outputs)) found.set(`${task}\0${key}`, { task, key });
  }
  return [...found.values()];
}
