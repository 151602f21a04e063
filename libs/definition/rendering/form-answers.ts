import { AppError } from "#errors/app-error.ts";
import { isJsonObject, ownValue } from "../json.ts";
import type { Json, JsonObject, ParameterDefinition } from "../model.ts";
import { readParameterMap } from "../schema/parameter-definition.ts";
import { findViolations } from "./parameter-value.ts";

/** Fields that people fill in, in the form of parameters. */
export type Form = Readonly<Record<string, ParameterDefinition>>;

/** A form in its long form, once its expressions are rendered. Throws VALUE_UNUSABLE where they gave something that is none. */
export function readForm(form: Json): Form {
  if (!isJsonObject(form)) throw new AppError("VALUE_UNUSABLE", "`form` must be a map of fields");
  return readParameterMap(form, ["form"], (path, { message, warning }) => {
    if (warning !== true) throw new AppError("VALUE_UNUSABLE", `\`${path.join(".")}\`: ${message}`);
  });
}

interface BrokenRule {
  readonly field: string;
  /** The key of the constraint, e.g. `required`, `maximum`. */
  readonly rule: string;
  readonly message: string;
}

/**
 * Every field of a form with its value: what is given, else the default. Throws INVALID_ANSWERS with every broken rule
 * in `details.violations`; a field that the form does not have is one.
 */
export function checkAnswers(form: Form, given: JsonObject): JsonObject {
  const answers: Record<string, Json> = {};
  const broken: BrokenRule[] = [];
  for (const [field, definition] of Object.entries(form)) {
    const value = Object.hasOwn(given, field) ? (ownValue(given, field) ?? null) : definition.default;
    if (value !== undefined) {
      answers[field] = value;
      broken.push(...findViolations(value, definition).map((violation) => ({ field, ...violation })));
    } else if (definition.required) {
      broken.push({ field, rule: "required", message: "is required" });
    }
  }
  for (const field of Object.keys(given)) {
    if (!Object.hasOwn(form, field)) broken.push({ field, rule: "unknown_field", message: "is no field of the form" });
  }
  if (broken.length === 0) return answers;
  const list = broken.map(({ field, rule, message }) => `\`${field}\` ${message} (${rule})`).join("; ");
  throw new AppError("INVALID_ANSWERS", `the answers do not fit the form: ${list}`, {
    details: { violations: broken },
  });
}
