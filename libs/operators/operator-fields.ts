import { z } from "zod";
import { limitsSchema } from "#resources/resources-schema.ts";
import { durationForms, parseDuration } from "#schedule/duration.ts";

/** The field as the schema has it, or an expression in its place; `expected` says what is wanted. */
export function orExpression<T extends z.ZodType>(field: T, expected: string): z.ZodUnion<[T, z.ZodString]> {
  const message = `must be ${expected}, or an expression`;
  // The value of an expression is checked once it is rendered.
  return z.union([field, z.string().regex(/\{\{[\s\S]*\}\}/, message)], message);
}

/** A duration as text, or a number of seconds. */
export const durationField: z.ZodType = orExpression(
  z.union([z.number().positive(), z.string().refine((text) => parseDuration(text) !== null)]),
  `a duration (${durationForms}) or a number of seconds`,
);

/** Fields of every operator that runs a process. */
export const processFields: {
  environment: z.ZodOptional<z.ZodType<Record<string, string | number | boolean>>>;
  working_directory: z.ZodOptional<z.ZodString>;
  network: z.ZodOptional<z.ZodEnum<{ none: "none"; outbound: "outbound"; full: "full" }>>;
  resources: z.ZodOptional<typeof limitsSchema>;
} = {
  environment: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable"),
      z.union([z.string(), z.number(), z.boolean()]),
    )
    .optional()
    .describe("Variables for the process; they win over the task's."),
  working_directory: z.string().min(1).optional().describe("Relative to the folder of the definition."),
  network: z.enum(["none", "outbound", "full"]).optional().describe("What it may reach; it wins over the task's."),
  resources: limitsSchema.optional().describe("What one attempt may use; key by key it wins over the task's."),
};

/** Those of them that hold no expression: they say which workers may run the task. */
export const literalProcessFields: readonly string[] = ["network", "resources"];

/** Refuses all but exactly one of the named fields; the JSON Schema for editors reads the names from the check. */
export function exactlyOneOf(names: readonly string[]): z.core.CheckFn<Record<string, unknown>> {
  const check: z.core.CheckFn<Record<string, unknown>> = ({ value, issues }) => {
    const given = names.filter((name) => value[name] !== undefined);
    if (given.length === 1) return;
    const message = `needs exactly one of ${names.join(", ")}${given.length === 0 ? "" : `; it has ${given.join(" and ")}`}`;
    issues.push({ code: "custom", message, input: value, path: given.slice(1, 2) });
  };
  return Object.assign(check, { exactlyOneOf: names });
}

/** Milliseconds of a rendered duration: text, a number of seconds, or such a number as text; null for anything else. */
export function durationToMs(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value > 0 ? Math.round(value * 1000) : null;
  if (typeof value !== "string") return null;
  return parseDuration(value) ?? (/^\d+(\.\d+)?$/.test(value) ? durationToMs(Number(value)) : null);
}

/** The text of a rendered field; other values in their JSON form. */
export function textOf(config: Readonly<Record<string, unknown>>, name: string, fallback = ""): string {
  const value = config[name] ?? fallback;
  return typeof value === "string" ? value : JSON.stringify(value);
}
