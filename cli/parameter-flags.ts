import type { Json, ParameterDefinition } from "#definition/model.ts";
import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";

/** What a flag's text is turned into; parameters of the short form go by their default. */
export type DeclaredParameters = Readonly<Record<string, Pick<ParameterDefinition, "type" | "default">>>;

type FlagType = Exclude<ParameterDefinition["type"], null>;

/**
 * Turns `-p key=value` flags into parameters, each by its declared type: integers, numbers and booleans are read as such,
 * lists and maps as JSON, anything else stays text. Undeclared ones are text. A later flag of the same name wins.
 * Whether the values fit their schema is checked where the run is made. Throws `INVALID_PARAMETERS`.
 */
export function parseParameterFlags(flags: readonly string[], declared: DeclaredParameters): Record<string, Json> {
  const parameters: Record<string, Json> = {};
  for (const flag of flags) {
    const equals = flag.indexOf("=");
    if (equals <= 0) throw new AppError("INVALID_PARAMETERS", `parameter "${flag}" has no value; write -p name=value`);
    const name = flag.slice(0, equals);
    const type = typeOf(declared[name]);
    parameters[name] = parseValue({ name, type, text: flag.slice(equals + 1) });
  }
  return parameters;
}

/** Names that the definition does not declare, each with the closest one that it does. */
export function undeclaredParameters(names: readonly string[], declared: DeclaredParameters): readonly string[] {
  return names
    .filter((name) => declared[name] === undefined)
    .map((name) => {
      const closest = closestName(name, Object.keys(declared));
      return `parameter ${name} is not declared${closest === null ? "" : `; did you mean ${closest}?`}`;
    });
}

function typeOf(definition: DeclaredParameters[string] | undefined): FlagType {
  if (definition === undefined) return "string";
  if (definition.type !== null) return definition.type;
  const given = definition.default;
  if (typeof given === "number") return "number";
  if (typeof given === "boolean") return "boolean";
  if (Array.isArray(given)) return "array";
  return typeof given === "object" && given !== null ? "object" : "string";
}

function parseValue({ name, type, text }: { name: string; type: FlagType; text: string }): Json {
  switch (type) {
    case "string":
      return text;
    case "integer":
      if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw misfit(name, text, "a whole number");
      return Number(text);
    case "number":
      if (text.trim() === "" || !Number.isFinite(Number(text))) throw misfit(name, text, "a number");
      return Number(text);
    case "boolean":
      if (text !== "true" && text !== "false") throw misfit(name, text, "true or false");
      return text === "true";
    case "array": {
      const value = parseJson(name, text, "a list as JSON");
      if (!Array.isArray(value)) throw misfit(name, text, "a list as JSON");
      return value;
    }
    case "object": {
      const value = parseJson(name, text, "a map as JSON");
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw misfit(name, text, "a map as JSON");
      return value;
    }
  }
}

function parseJson(name: string, text: string, wanted: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", `parameter ${name} must be ${wanted}, not "${text}"`, { cause });
  }
}

function misfit(name: string, text: string, wanted: string): AppError {
  return new AppError("INVALID_PARAMETERS", `parameter ${name} must be ${wanted}, not "${text}"`);
}
