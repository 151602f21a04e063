import { closestName } from "#core/closest-name.ts";
import type { OperatorSchema, OperatorSchemas } from "#ports/operator-schema.ts";
import { hasExpression } from "../code/code-scan.ts";
import { isJsonObject, isList, ownValue } from "../json.ts";
import type { Json, JsonObject } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";
import { readParameterMap } from "../schema/parameter-definition.ts";
import { type Path, proposal } from "../problem-list.ts";
import { checkSchema } from "../schema/schema-problems.ts";

/** Checks the kind of work of each task and the fields of `operator`; fields that are expressions are checked when rendered. */
export function checkOperators(tasks: readonly TaskOutline[], operators: OperatorSchemas, report: Report): void {
  for (const { body, path } of tasks) {
    const type = ownValue(body, "type");
    if (typeof type !== "string") continue;
    const schema = operators.get(type);
    if (schema === undefined) {
      const near = closestName(type, operators.keys());
      const hint = near === null ? `known are ${[...operators.keys()].join(", ")}` : proposal(near);
      report([...path, "type"], { code: "UNKNOWN_OPERATOR", message: `there is no kind of work \`${type}\``, hint });
      continue;
    }
    const operator = ownValue(body, "operator");
    if (isJsonObject(operator)) checkFields(operator, schema, [...path, "operator"], report);
  }
}

function checkFields(operator: JsonObject, schema: OperatorSchema, path: Path, report: Report): void {
  for (const { path: within, isKey, finding } of checkSchema(schema.fields, operator)) {
    const isLiteral = schema.literal?.includes(String(within[0])) === true;
    if (!isKey && !isLiteral && within.length > 0 && isExpressionAt(operator, within)) continue;
    report([...path, ...within], finding, isKey ? "key" : "value");
  }
  for (const name of schema.forms ?? []) {
    const form = ownValue(operator, name);
    if (isJsonObject(form)) readParameterMap(form, [...path, name], report);
  }
  for (const [name, language] of Object.entries(schema.code)) {
    const text = ownValue(operator, name);
    if (
      language !== "shell" ||
      typeof text !== "string" ||
      !/^\s*\.\//.test(text) ||
      Object.hasOwn(operator, "working_directory")
    )
      continue;
    report([...path, name], {
      code: "RELATIVE_PATH",
      message: "a command that begins with `./` is looked for in an empty directory",
      hint: "set `working_directory: .` to start in the folder of this file",
      warning: true,
    });
  }
}

function isExpressionAt(value: Json, path: readonly (string | number)[]): boolean {
  let found: Json | undefined = value;
  for (const step of path) {
    if (isList(found)) found = typeof step === "number" ? found[step] : undefined;
    else found = isJsonObject(found) ? ownValue(found, String(step)) : undefined;
  }
  return typeof found === "string" && hasExpression(found);
}
