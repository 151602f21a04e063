import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Json } from "../model.ts";
import { dagSchema, parameterSchema, taskSchema } from "./definition-schema.ts";
import { fitsSchema } from "./fits-schema.ts";
import { hookSchema } from "./hook-schema.ts";

const made = z
  .strictObject({
    text: z.string().min(2),
    word: z.string().refine((text) => text !== "bad"),
    count: z.int().min(1).optional(),
    isOn: z.boolean().optional(),
    kind: z.enum(["a", "b"]).optional(),
    anything: z.unknown().optional(),
    list: z.array(z.union([z.string(), z.strictObject({ text: z.string() })])).max(2),
    record: z.record(z.string().max(3), z.union([z.number(), z.boolean()])).optional(),
    choice: z
      .discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("a"), count: z.number() }),
        z.strictObject({ kind: z.literal("b"), text: z.string() }),
      ])
      .optional(),
  })
  .refine(({ text, word }) => text !== word);

const schemas = { made, dagSchema, taskSchema, hookSchema, parameterSchema } as const;

const leaf = fc.oneof(
  fc.constantFrom<Json>("a", "b", "bad", "text", "10m", "all_done", "string", "failure", null, true, 0, 1, 1.5, -1),
  fc.string({ maxLength: 4 }),
);

/** Values of the shapes that definitions have, under the keys that the schema knows and a few that it doesn't. */
function valuesOf(schema: z.ZodObject): fc.Arbitrary<Json> {
  const keys = fc.constantFrom(...Object.keys(schema.shape), "text", "count", "kind", "max_retries", "task", "other");
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      leaf,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 6 }),
    ),
  }));
  return value;
}

/** A value that fits, with some of its keys left out, replaced and added. */
function changedFrom(good: { readonly [key: string]: Json }, schema: z.ZodObject): fc.Arbitrary<Json> {
  const names = Object.keys(good);
  const left = fc.subarray(names, { minLength: Math.max(0, names.length - 1) });
  return fc
    .tuple(
      left,
      fc.dictionary(fc.constantFrom(...Object.keys(schema.shape), "other"), valuesOf(schema), { maxKeys: 1 }),
    )
    .map(([kept, more]) => ({ ...Object.fromEntries(kept.map((name) => [name, good[name] ?? null])), ...more }));
}

const good = {
  made: { text: "aa", word: "b", list: ["a", { text: "b" }], record: { a: 1 }, choice: { kind: "a", count: 1 } },
  dagSchema: { id: "a", tasks: [], tags: ["x"], run_timeout: "1h", default_task_config: { retries: 1 } },
  taskSchema: { id: "a", type: "noop", operator: {}, dependencies: ["b", { task: "c", on: "failure" }], retries: 2 },
  hookSchema: { type: "noop", operator: {} },
  parameterSchema: { type: "integer", minimum: 1, default: 2 },
} as const;

describe.each(Object.entries(schemas))("%s", (name, schema) => {
  const example = good[name as keyof typeof good];

  test("a value fits exactly where zod finds no issue, and zod leaves it as it is", () => {
    const agrees = (value: Json): void => {
      const { success, data } = schema.safeParse(value);
      expect(fitsSchema(schema, value)).toBe(success);
      if (success) expect(data).toEqual(value);
    };
    fc.assert(fc.property(valuesOf(schema), agrees));
    fc.assert(fc.property(changedFrom(example, schema), agrees), { numRuns: 500 });
  });

  test("a good value fits, so that the short way is taken", () => {
    expect(fitsSchema(schema, example)).toBe(true);
  });
});

test("a schema that is not taken apart is asked as a whole", () => {
  expect(fitsSchema(z.int().max(3), 3)).toBe(true);
  expect(fitsSchema(z.int().max(3), 4)).toBe(false);
  expect(fitsSchema(z.record(z.enum(["a"]), z.number()), {})).toBe(false);
});

test("keys of the prototype are no keys of a map", () => {
  expect(fitsSchema(z.strictObject({ constructor: z.unknown() }), {})).toBe(false);
  expect(fitsSchema(z.strictObject({}), { constructor: 1 })).toBe(false);
});
