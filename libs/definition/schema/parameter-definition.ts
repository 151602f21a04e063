import { closestName } from "#core/closest-name.ts";
import { hasExpression } from "../code/code-scan.ts";
import { parameterSchema, parameterTypes } from "./definition-schema.ts";
import { isJsonObject, ownValue } from "../json.ts";
import type { Json, JsonObject, ParameterDefinition } from "../model.ts";
import type { Report } from "../outline.ts";
import { findViolations, isMoment, parameterOf } from "../rendering/parameter-value.ts";
import { type Path, proposal } from "../problem-list.ts";
import { checkSchema } from "./schema-problems.ts";
import { patternProblem } from "../expressions/text-pattern.ts";

const longKeys = new Set(Object.keys(parameterSchema.shape));
const namePattern = /^[A-Za-z_][A-Za-z0-9_-]{0,199}$/;

/** The parameters of a definition in their long form, with findings on all that is wrong with them. */
export function readParameters(root: JsonObject, report: Report): Readonly<Record<string, ParameterDefinition>> {
  const parameters = ownValue(root, "parameters");
  return isJsonObject(parameters) ? readParameterMap(parameters, ["parameters"], report) : {};
}

/** The same for a map of parameters anywhere: the form of an approval has them too. */
export function readParameterMap(
  parameters: JsonObject,
  place: Path,
  report: Report,
): Readonly<Record<string, ParameterDefinition>> {
  const entries = Object.entries(parameters).map(([name, value]) => {
    const path = [...place, name];
    if (!namePattern.test(name)) {
      const hint = "letters, digits, `_` and `-`, beginning with a letter or `_`";
      report(
        path,
        { code: "INVALID_ID", message: `the parameter name ${JSON.stringify(name)} can't be used`, hint },
        "key",
      );
    }
    return [name, isLongForm(value) ? readLongForm(value, path, report) : readShortForm(value, path, report)] as const;
  });
  return Object.fromEntries(entries);
}

/** A map with one of the type names under `type`, or with `default` and nothing that is no key of the long form. */
function isLongForm(value: Json): value is JsonObject {
  if (!isJsonObject(value)) return false;
  if (parameterTypes.some((type) => type === ownValue(value, "type"))) return true;
  return Object.hasOwn(value, "default") && Object.keys(value).every((key) => longKeys.has(key));
}

function readShortForm(value: Json, path: Path, report: Report): ParameterDefinition {
  const looksLong =
    isJsonObject(value) && Object.keys(value).length > 0 && Object.keys(value).every((key) => longKeys.has(key));
  if (looksLong) {
    const type = ownValue(value, "type");
    const near = typeof type === "string" ? closestName(type, parameterTypes) : null;
    const hint = near === null ? "write a known `type`, or `{default: {…}}` when a default is meant" : proposal(near);
    report(path, {
      code: "PARAMETER_FORM",
      message: "this map is read as a default, since its `type` is none that is known",
      hint,
      warning: true,
    });
  }
  return { type: null, required: false, default: value };
}

/** A schema in its long form, with findings on it. */
export function readLongForm(value: JsonObject, path: Path, report: Report): ParameterDefinition {
  const flat = withValidation(value, path, report);
  const findings = checkSchema(parameterSchema, flat);
  // A constraint is reported where it is written.
  const within = ownValue(value, "validation");
  const reportAt: Report = (at, finding, part) => {
    const [key = "", ...rest] = at.slice(path.length);
    const isNested = isJsonObject(within) && Object.hasOwn(within, key) && !Object.hasOwn(value, key);
    report(isNested ? [...path, "validation", key, ...rest] : at, finding, part);
  };
  for (const { path: inner, isKey, finding } of findings) {
    reportAt([...path, ...inner], finding, isKey ? "key" : "value");
  }
  const definition = parameterOf(flat);
  if (findings.length === 0) checkConstraints(definition, path, reportAt);
  return definition;
}

/** Constraints may stand under `validation:` as well. */
function withValidation(value: JsonObject, path: Path, report: Report): JsonObject {
  const { validation, ...rest } = value;
  if (!isJsonObject(validation)) return value;
  for (const key of Object.keys(validation)) {
    if (!Object.hasOwn(rest, key)) continue;
    report(
      [...path, "validation", key],
      { code: "DUPLICATE_KEY", message: `\`${key}\` stands beside \`validation\` and within it` },
      "key",
    );
  }
  return { ...validation, ...rest };
}

function checkConstraints(definition: ParameterDefinition, path: Path, report: Report): void {
  const fault = (key: string, message: string): void => report([...path, key], { code: "INVALID_PARAMETER", message });
  const { type, format, minimum, maximum, minLength, maxLength, pattern, items } = definition;
  const isText = type === null || type === "string";
  const isNumber = type === null || type === "integer" || type === "number";
  if (pattern !== undefined && !isText) fault("pattern", "`pattern` fits parameters of type string");
  const patternFault = pattern === undefined ? null : patternProblem(pattern);
  if (patternFault !== null) fault("pattern", `\`pattern\` ${patternFault}`);
  if (format !== undefined && !isText) fault("format", "`format` fits parameters of type string");
  for (const [key, bound] of Object.entries({ minimum, maximum })) {
    if (bound === undefined) continue;
    if (format === undefined ? typeof bound !== "number" || !isNumber : !isMoment(bound, format)) {
      fault(
        key,
        format === undefined
          ? `\`${key}\` must be a number and fits parameters that are numbers`
          : `\`${key}\` must be a ${format} as text`,
      );
    }
  }
  if (minimum !== undefined && maximum !== undefined && measureOf(minimum) > measureOf(maximum))
    fault("maximum", "`maximum` is below `minimum`");
  if (minLength !== undefined && maxLength !== undefined && minLength > maxLength)
    fault("max_length", "`max_length` is below `min_length`");
  if (items !== undefined) checkItems(definition, path, report);
  const { pattern: _pattern, ...rest } = definition;
  const usable = patternFault === null ? definition : rest;
  const choices = definition.enum ?? [];
  choices.forEach((choice, place) =>
    checkValue(choice, { ...usable, enum: [choice] }, [...path, "enum", place], report),
  );
  if (definition.default !== undefined) checkValue(definition.default, usable, [...path, "default"], report);
}

/** Bounds that are dates are compared as times, since each may have an offset of its own. */
function measureOf(bound: number | string): number {
  return typeof bound === "number" ? bound : Date.parse(bound);
}

function checkItems({ type, items }: ParameterDefinition, path: Path, report: Report): void {
  if (type !== "array")
    report([...path, "items"], { code: "INVALID_PARAMETER", message: "`items` fits parameters of type array" });
  if (isJsonObject(items)) {
    readLongForm(items, [...path, "items"], report);
  } else if (!parameterTypes.some((known) => known === items)) {
    const near = typeof items === "string" ? closestName(items, parameterTypes) : null;
    report([...path, "items"], {
      code: "INVALID_PARAMETER",
      message: "`items` must be a type name or a schema",
      hint: proposal(near),
    });
  }
}

/** A constant against its own schema; text with an expression is checked once it is rendered. */
function checkValue(value: Json, definition: ParameterDefinition, path: Path, report: Report): void {
  if (hasExpression(value)) return;
  for (const { message } of findViolations(value, definition))
    report(path, { code: "INVALID_PARAMETER", message: `the value ${message}` });
}
