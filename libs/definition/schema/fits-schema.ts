import { z } from "zod";
import { isJsonObject, isList, ownValue } from "../json.ts";
import type { Json } from "../model.ts";

type Fit = (value: Json) => boolean;

const fits = new WeakMap<z.ZodType, Fit>();

/**
 * Whether a value certainly fits a schema; when it may not, zod has to tell, and says why. Zod tries every key that a map
 * may have, this only those that it has: a task may have thirty keys and mostly has five.
 */
export function fitsSchema(schema: z.ZodType, value: Json): boolean {
  return fitOf(schema)(value);
}

function fitOf(schema: z.ZodType): Fit {
  const known = fits.get(schema);
  if (known !== undefined) return known;
  const fit = compileFit(schema);
  fits.set(schema, fit);
  return fit;
}

/** What is not taken apart here is asked of zod. */
function compileFit(schema: z.ZodType): Fit {
  const fit = fitOfType(schema);
  if (fit === null) return (value) => schema.safeParse(value).success;
  const { checks = [] } = schema.def;
  return checks.length === 0 ? fit : (value) => fit(value) && passes(checks, value);
}

function fitOfType(schema: z.ZodType): Fit | null {
  if (schema instanceof z.ZodOptional) return fitOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnknown) return () => true;
  if (schema instanceof z.ZodString && !schema.def.coerce) return (value) => typeof value === "string";
  if (schema instanceof z.ZodBoolean && !schema.def.coerce) return (value) => typeof value === "boolean";
  if (schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodNever) return fitOfMap(schema);
  if (schema instanceof z.ZodUnion && !(schema instanceof z.ZodDiscriminatedUnion)) {
    const branches = schema.options.map((option) => fitOf(option as z.ZodType));
    return (value) => branches.some((fit) => fit(value));
  }
  if (schema instanceof z.ZodArray) {
    const element = fitOf(schema.element as z.ZodType);
    return (value) => isList(value) && value.every(element);
  }
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodString) return fitOfRecord(schema);
  return null;
}

/** Rules beside the type, such as a length: given what was written, since no schema of a definition changes values. */
function passes(checks: readonly z.core.$ZodCheck[], value: Json): boolean {
  const payload = { value: value as never, issues: [] };
  for (const { _zod: check } of checks) {
    if (check.def.when?.(payload) === false) continue;
    if (check.check(payload) instanceof Promise || payload.issues.length > 0) return false;
  }
  return true;
}

/** A map of any keys. */
function fitOfRecord({ keyType, valueType }: z.ZodRecord): Fit {
  const [key, own] = [fitOf(keyType as z.ZodType), fitOf(valueType as z.ZodType)];
  return (value) => isJsonObject(value) && Object.entries(value).every(([name, each]) => key(name) && own(each));
}

/** A map of known keys: each that is there fits, and each that isn't is optional. */
function fitOfMap({ shape }: z.ZodObject): Fit {
  const entries = Object.entries(shape) as [string, z.ZodType][];
  const keys = new Map(entries.map(([key, schema]) => [key, fitOf(schema)]));
  const required = entries.flatMap(([key, schema]) => (schema instanceof z.ZodOptional ? [] : [key]));
  return (value) => {
    if (!isJsonObject(value) || !required.every((key) => Object.hasOwn(value, key))) return false;
    for (const key of Object.keys(value)) {
      const fit = keys.get(key);
      const own = ownValue(value, key);
      if (fit === undefined || own === undefined || !fit(own)) return false;
    }
    return true;
  };
}
