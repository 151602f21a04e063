import { createHash } from "node:crypto";
import { AppError } from "#errors/app-error.ts";

/** The values at paths such as `data.items.0.id` of a JSON body; null where there is none. Throws SENSOR_FAILED for any other body. */
export function pickFields(paths: readonly string[], body: Buffer): Readonly<Record<string, unknown>> {
  const root = parse(body);
  return Object.fromEntries(paths.map((path) => [path, valueAt(root, path.split("."))]));
}

/** The hash of values, whatever the order of the keys in them. */
export function hashFields(fields: Readonly<Record<string, unknown>>): string {
  return createHash("sha256")
    .update(JSON.stringify(ordered(fields)))
    .digest("hex");
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch {
    throw new AppError("SENSOR_FAILED", "the body is no JSON, which `response_fields` needs");
  }
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return null;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value ?? null;
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, ordered(each)]));
}
