import { z } from "zod";

/** The keys that a schema allows at a path within it; empty where it has none or can't be told. */
export function allowedKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let places = [unwrap(schema)].flat();
  for (const step of path) places = places.flatMap((place) => childrenOf(place, step)).flatMap(unwrap);
  return places.flatMap((place) => (place instanceof z.ZodObject ? Object.keys(place.shape) : []));
}

/** The schemas that a value may have to fit, without optional and the like around them. */
function unwrap(schema: unknown): unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap);
  return [schema];
}

function childrenOf(schema: unknown, step: PropertyKey): unknown[] {
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<PropertyKey, unknown>> = schema.shape;
    return Object.hasOwn(shape, step) ? [shape[step]] : [];
  }
  if (schema instanceof z.ZodArray) return [schema.element];
  return schema instanceof z.ZodRecord ? [schema.valueType] : [];
}
