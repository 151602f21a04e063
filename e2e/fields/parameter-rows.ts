import { expect } from "vitest";
import type { FieldRow } from "./field-row.ts";

/** The long form of parameters: each rule is broken once, and named. */
export const parameterRows: readonly FieldRow[] = [
  {
    does: "each rule of a parameter refuses a trigger that breaks it",
    shows: [
      ...["type", "required", "enum", "pattern", "minimum", "maximum", "min_length", "max_length", "items", "format"],
      "validation",
    ].map((rule) => `parameter.${rule}`),
    yaml: [
      `id: typed
parameters:
  kind: {type: integer, default: 1}
  needed: {type: string, required: true}
  choice: {type: string, enum: [eu, us], default: eu}
  shaped: {type: string, pattern: "^[a-z]+$", default: abc}
  least: {type: integer, minimum: 5, default: 5}
  most: {type: number, maximum: 5, default: 5}
  long: {type: string, min_length: 3, default: abc}
  short: {type: array, max_length: 2, default: []}
  list: {type: array, items: integer, default: []}
  day: {type: string, format: date, default: "2026-01-31"}
  nested: {type: integer, default: 1, validation: {maximum: 10}}
tasks: {a: {type: noop, operator: {}}}
`,
    ],
    async act({ call, trigger, ended }) {
      const broken = {
        ...{ kind: "one", choice: "asia", shaped: "A1", least: 4, most: 6, long: "ab", short: [1, 2, 3] },
        ...{ list: ["a"], day: "31.01.2026", nested: 11 },
      };
      const answer = await call("dags/typed/dagRuns", { parameters: broken });
      expect(answer).toMatchObject({ status: 400, json: { error_code: "INVALID_PARAMETERS" } });
      for (const name of ["needed", ...Object.keys(broken)]) expect(JSON.stringify(answer.json)).toContain(name);
      expect((await ended(await trigger("typed", { parameters: { needed: "x" } }))).state).toBe("success");
    },
  },
  {
    does: "`default` stands in for what is not given, also where it looks like a rule",
    shows: ["parameter.default"],
    yaml: [
      `id: standing_in
parameters:
  name: {type: string, default: Ada}
  rule: {default: {type: string}}
tasks:
  - {id: a, type: bash, capture_stdout: true, operator: {bash_command: "echo {{ params.name }} {{ params.rule.type }}"}}
`,
    ],
    outputs: { a: { return_value: "Ada string" } },
  },
];
