import { classifyPythonCommand } from "#core/classify-python-command.ts";
import { AppError } from "#errors/app-error.ts";
import type { CodeLanguage } from "#ports/operator-schema.ts";
import { hasExpression } from "../code/code-scan.ts";
import { evaluateToJson, evaluateToText, type Scope } from "../expressions/evaluate-expression.ts";
import type { Expression } from "../expressions/expression.ts";
import { isJsonObject, isList, ownValue } from "../json.ts";
import type { Json, JsonObject } from "../model.ts";
import { renderSqlPieces } from "../code/sql-pieces.ts";
import { escapeForPython, pythonLiteral } from "../code/python-literal.ts";
import { compileTemplate, type Template, type TemplateLanguage, type TemplatePart } from "../code/template.ts";

/** Collects the values that stand beside shell code, each under the name of an environment variable. */
export interface ShellValues {
  /** `source` is what gave the value, for messages. */
  set(name: string, value: string, source: string): void;
}

/** For values that stand in no code. */
export const noShellValues: ShellValues = { set: () => undefined };

/** A value of a definition, ready to render. */
export interface Renderable {
  /** It holds no expression: `render` gives the same value each time. */
  readonly isConstant: boolean;
  readonly expressions: readonly Expression[];
  render(scope: Scope, values: ShellValues): Json;
}

/** Names the variables of one task's shell code; the same expression gets the same name. */
export class VariableNames {
  readonly #names = new Map<string, string>();

  nameOf(expression: Expression): string {
    const known = this.#names.get(expression.source);
    if (known !== undefined) return known;
    const name = `MILLRACE_VALUE_${this.#names.size + 1}`;
    this.#names.set(expression.source, name);
    return name;
  }
}

/** Shells whose rules the scanner follows. */
const knownShells: ReadonlySet<string> = new Set(["bash", "sh", "dash"]);

/**
 * How the expressions of an operator's field are treated. A Python command line follows the rules of the shell; a
 * shell that the operator chooses itself, in a field of that name, must be one that the scanner knows.
 */
export function languageOf(code: CodeLanguage | undefined, value: Json, operator: JsonObject): TemplateLanguage {
  if (code === undefined || typeof value !== "string") return "text";
  if (code === "python_command") return classifyPythonCommand(value) === "inline" ? "python" : "shell";
  const shell = ownValue(operator, "shell");
  if (code !== "shell" || typeof shell !== "string") return code;
  return knownShells.has(shell.slice(shell.lastIndexOf("/") + 1)) ? "shell" : "other_shell";
}

/** Compiles a value whose texts may hold expressions. Throws INVALID_DEFINITION where they are wrong. */
export function compileValue(value: Json, language: TemplateLanguage, variables: VariableNames): Renderable {
  if (!hasExpression(value)) return constant(value);
  if (typeof value === "string") return compileText(value, language, variables);
  if (isList(value)) {
    const items = value.map((item) => compileValue(item, language, variables));
    return { ...joined(items), render: (scope, values) => items.map((item) => item.render(scope, values)) };
  }
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return compileEntries(new Map(entries.map(([key, item]) => [key, compileValue(item, language, variables)])));
}

/** Most tasks have no environment and no parameters. */
const emptyMap = constantOf(Object.freeze({}));

function constant(value: Json): Renderable {
  return isJsonObject(value) && Object.keys(value).length === 0 ? emptyMap : constantOf(value);
}

function constantOf(value: Json): Renderable {
  return { isConstant: true, expressions: [], render: () => value };
}

/** A map of renderable values as one. */
export function compileEntries(entries: ReadonlyMap<string, Renderable>): Renderable {
  const render: Renderable["render"] = (scope, values) => {
    const rendered: JsonObject = Object.fromEntries(
      [...entries].map(([key, item]) => [key, item.render(scope, values)]),
    );
    return rendered;
  };
  return { ...joined([...entries.values()]), render };
}

function joined(parts: readonly Renderable[]): Omit<Renderable, "render"> {
  return { isConstant: parts.every((part) => part.isConstant), expressions: parts.flatMap((part) => part.expressions) };
}

function compileText(text: string, language: TemplateLanguage, variables: VariableNames): Renderable {
  const { template, issues } = compileTemplate(text, language);
  if (template === null) {
    const first = issues.find((issue) => issue.warning !== true);
    throw new AppError(
      "INVALID_DEFINITION",
      `the definition holds an expression that can't be used: ${first?.message ?? text}`,
    );
  }
  const expressions = template.pieces.flatMap((piece) => (typeof piece === "string" ? [] : [piece.expression]));
  const [only] = template.pieces;
  // A text that is nothing but one expression keeps its type.
  if (language === "text" && template.pieces.length === 1 && only !== undefined && typeof only !== "string") {
    return { isConstant: false, expressions, render: (scope) => evaluateToJson(only.expression, scope) };
  }
  if (language === "sql" && expressions.length > 0) {
    return { isConstant: false, expressions, render: (scope) => renderSqlPieces(template, scope) };
  }
  return {
    isConstant: expressions.length === 0,
    expressions,
    render: (scope, values) => renderText(template, { scope, values, variables }),
  };
}

interface Rendering {
  readonly scope: Scope;
  readonly values: ShellValues;
  readonly variables: VariableNames;
}

function renderText({ pieces }: Template, rendering: Rendering): string {
  return pieces.map((piece) => (typeof piece === "string" ? piece : renderPart(piece, rendering))).join("");
}

function renderPart({ expression, place }: TemplatePart, { scope, values, variables }: Rendering): string {
  if (expression.isRaw) return evaluateToText(expression, scope);
  switch (place.kind) {
    case "text":
    case "sql_value":
    case "sql_name":
      return evaluateToText(expression, scope);
    case "python_string":
      return escapeForPython(evaluateToText(expression, scope));
    case "python_literal":
      return pythonLiteral(evaluateToJson(expression, scope));
    case "shell": {
      const name = variables.nameOf(expression);
      values.set(name, evaluateToText(expression, scope), `{{ ${expression.source} }}`);
      return `${place.before}\${${name}}${place.after}`;
    }
    case "refused":
      throw new AppError(
        "INVALID_DEFINITION",
        `{{ ${expression.source} }} can't stand where it stands: ${place.reason}`,
      );
  }
}
