import { describeError } from "#errors/app-error.ts";
import { isEqual, isJsonObject, isList } from "../json.ts";
import type { Json, JsonObject, ParameterDefinition } from "../model.ts";
import { describeValue } from "../schema/schema-problems.ts";
import { compilePattern } from "../expressions/text-pattern.ts";

export type ParameterType = NonNullable<ParameterDefinition["type"]>;

/** One constraint that a value breaks; `message` goes after the parameter's name. */
export interface Violation {
  /** The key of the constraint, e.g. `maximum`. */
  readonly rule: string;
  readonly message: string;
}

/**
 * Every constraint of the schema that the value breaks; after a wrong type no other is looked at. `describe` is how a
 * message shows a value of a wrong type.
 */
export function findViolations(
  value: Json,
  definition: ParameterDefinition,
  describe: (value: Json) => string = describeValue,
): readonly Violation[] {
  const { type } = definition;
  if (type !== null && !hasType(value, type)) {
    return [{ rule: "type", message: `must be ${typeNames[type]}, not ${describe(value)}` }];
  }
  const violations: Violation[] = [];
  const { enum: choices, items } = definition;
  if (choices !== undefined && !choices.some((choice) => isEqual(choice, value))) {
    violations.push({
      rule: "enum",
      message: `must be one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`,
    });
  }
  violations.push(...lengthViolations(value, definition), ...boundViolations(value, definition));
  if (typeof value === "string") violations.push(...textViolations(value, definition));
  if (isList(value) && items !== undefined) violations.push(...itemViolations(value, items, describe));
  return violations;
}

const typeNames: Readonly<Record<ParameterType, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
};

function hasType(value: Json, type: ParameterType): boolean {
  switch (type) {
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    case "integer":
      return Number.isSafeInteger(value);
    case "array":
      return isList(value);
    case "object":
      return isJsonObject(value);
  }
}

function lengthViolations(value: Json, { minLength, maxLength }: ParameterDefinition): Violation[] {
  if (typeof value !== "string" && !isList(value)) return [];
  const length = typeof value === "string" ? Array.from(value).length : value.length;
  const unit = (count: number): string => {
    if (typeof value === "string") return count === 1 ? "1 character" : `${count} characters`;
    return count === 1 ? "1 entry" : `${count} entries`;
  };
  const violations: Violation[] = [];
  if (minLength !== undefined && length < minLength)
    violations.push({ rule: "min_length", message: `must have at least ${unit(minLength)}` });
  if (maxLength !== undefined && length > maxLength)
    violations.push({ rule: "max_length", message: `must have at most ${unit(maxLength)}` });
  return violations;
}

/** Bounds of numbers, or of dates where the schema has a `format`. */
function boundViolations(value: Json, { minimum, maximum, format }: ParameterDefinition): Violation[] {
  const measure = (each: Json | undefined): number =>
    typeof each === "string"
      ? format === undefined
        ? Number.NaN
        : Date.parse(each)
      : typeof each === "number"
        ? each
        : Number.NaN;
  const violations: Violation[] = [];
  if (measure(value) < measure(minimum)) violations.push({ rule: "minimum", message: `must be at least ${minimum}` });
  if (measure(value) > measure(maximum)) violations.push({ rule: "maximum", message: `must be at most ${maximum}` });
  return violations;
}

function textViolations(value: string, { pattern, format }: ParameterDefinition): Violation[] {
  const violations: Violation[] = [];
  if (pattern !== undefined) violations.push(...patternViolations(value, pattern));
  if (format !== undefined && !isMoment(value, format)) {
    const example = format === "date" ? "2026-01-31" : "2026-01-31T02:00:00Z";
    violations.push({ rule: "format", message: `must be a ${format} such as ${example}` });
  }
  return violations;
}

/** Nothing passes unmatched: no text that is too long for the pattern, and none where the pattern can't be used. */
function patternViolations(value: string, pattern: string): readonly Violation[] {
  try {
    const isMatch = compilePattern(pattern).test(value);
    return isMatch ? [] : [{ rule: "pattern", message: `must match the pattern ${pattern}` }];
  } catch (error) {
    return [{ rule: "pattern", message: `can't be matched: its pattern ${describeError(error)}` }];
  }
}

/** What a value is, without the value itself. */
export function kindOf(value: Json): string {
  if (value === null) return "null";
  if (isList(value)) return typeNames.array;
  if (typeof value === "number") return Number.isSafeInteger(value) ? typeNames.integer : typeNames.number;
  return typeNames[typeof value as "string" | "boolean" | "object"];
}

function itemViolations(list: readonly Json[], items: Json, describe: (value: Json) => string): Violation[] {
  const definition = itemDefinition(items);
  if (definition === null) return [];
  return list.flatMap((item, place) =>
    findViolations(item, definition, describe).map(({ rule, message }) => ({
      rule: `items.${rule}`,
      message: `has an entry [${place}] that ${message}`,
    })),
  );
}

/** The schema of a list's entries, which is a type name or a long form. */
function itemDefinition(items: Json): ParameterDefinition | null {
  if (typeof items === "string") return { type: items as ParameterType, required: false };
  return isJsonObject(items) ? parameterOf(items) : null;
}

/** A long form, as it is written, as a schema. It has passed its checks. */
export function parameterOf(written: JsonObject): ParameterDefinition {
  const { type, required, min_length: minLength, max_length: maxLength, validation, ...rest } = written;
  return {
    ...(isJsonObject(validation) ? parameterOf(validation) : {}),
    ...rest,
    ...(typeof minLength === "number" ? { minLength } : {}),
    ...(typeof maxLength === "number" ? { maxLength } : {}),
    type: (type as ParameterType | undefined) ?? null,
    required: required === true,
  };
}

const dateForm = /^\d{4}-\d{2}-\d{2}$/;
const dateTimeForm = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** A date that exists, or an RFC 3339 time. */
export function isMoment(value: Json, format: "date" | "date-time"): boolean {
  if (typeof value !== "string" || !(format === "date" ? dateForm : dateTimeForm).test(value)) return false;
  const day = Date.parse(value.slice(0, 10));
  return (
    Number.isFinite(day) &&
    Number.isFinite(Date.parse(value)) &&
    new Date(day).toISOString().startsWith(value.slice(0, 10))
  );
}
