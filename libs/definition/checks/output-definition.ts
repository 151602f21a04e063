import { closestName } from "#core/closest-name.ts";
import { parameterTypes } from "../schema/definition-schema.ts";
import { isJsonObject, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { DeclaredOutputs, Json, JsonObject, ParameterDefinition } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";
import { readLongForm } from "../schema/parameter-definition.ts";
import type { ParameterType } from "../rendering/parameter-value.ts";
import { type Path, proposal } from "../problem-list.ts";

/** As keys of outputs are. */
const keyPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/;

/**
 * What each task declares to leave, by its place, with findings on all that is wrong with it; null where it declares
 * nothing. Those of `default_task_config` are every task's, unless it says something else of the same key.
 */
export function readOutputs(
  root: JsonObject,
  tasks: readonly TaskOutline[],
  report: Report,
): readonly (DeclaredOutputs | null)[] {
  const defaults = ownValue(root, "default_task_config");
  const shared = isJsonObject(defaults) ? readDeclared(defaults, ["default_task_config"], report) : null;
  return tasks.map(({ body, path }) => {
    const own = readDeclared(body, path, report);
    return own === null && shared === null ? null : { ...shared, ...own };
  });
}

function readDeclared(settings: JsonObject, place: Path, report: Report): DeclaredOutputs | null {
  const outputs = ownValue(settings, "outputs");
  // What is no map is reported by its shape.
  if (!isJsonObject(outputs)) return null;
  const path = [...place, "outputs"];
  const entries = Object.entries(outputs);
  if (entries.length > definitionLimits.outputs) {
    const message = `${entries.length} outputs are declared; a task leaves at most ${definitionLimits.outputs}`;
    report(path, { code: "OUT_OF_RANGE", message, hint: "put several values into one" });
  }
  return Object.fromEntries(entries.map(([key, schema]) => [key, readOutput(key, schema, [...path, key], report)]));
}

function readOutput(key: string, schema: Json, path: Path, report: Report): ParameterDefinition {
  if (!keyPattern.test(key)) {
    const hint = "letters, digits, `_`, `.` and `-`, beginning with a letter or `_`";
    report(path, { code: "INVALID_ID", message: `the output ${JSON.stringify(key)} can't be named so`, hint }, "key");
  }
  if (isJsonObject(schema)) return readLongOutput(schema, path, report);
  const type = parameterTypes.find((known) => known === schema) ?? null;
  if (type === null) report(path, unknownType(schema));
  return requiredOutput(type);
}

function readLongOutput(schema: JsonObject, path: Path, report: Report): ParameterDefinition {
  if (Object.hasOwn(schema, "default")) {
    const hint = "write `required: false`, and `default(…)` where it is read";
    report(
      [...path, "default"],
      { code: "INVALID_PARAMETER", message: "an output has no default: the task leaves it or not", hint },
      "key",
    );
  }
  // Who declares an output counts on it, unless they say that it may be missing.
  return { ...readLongForm(schema, path, report), required: schema["required"] !== false };
}

function requiredOutput(type: ParameterType | null): ParameterDefinition {
  return { type, required: true };
}

function unknownType(given: Json): { code: string; message: string; hint: string } {
  const near = typeof given === "string" ? closestName(given, parameterTypes) : null;
  const hint = near === null ? `the types are ${parameterTypes.join(", ")}` : proposal(near);
  return { code: "INVALID_PARAMETER", message: "an output is declared by a type name or a schema", hint };
}
