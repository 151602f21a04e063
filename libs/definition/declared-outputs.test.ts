import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { DeclaredOutputs, Json } from "./model.ts";
import { findOutputProblem } from "./rendering/output-check.ts";
import { parseDefinition } from "./parse-definition.ts";

const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "" }],
  ["bash", { fields: z.strictObject({ bash_command: z.string() }), code: {}, description: "" }],
]);

function parse(lines: readonly string[]) {
  const text = ["id: x", ...lines].join("\n");
  return parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 1000 });
}

/** What is wrong with a definition whose task `count` declares these outputs and whose task `use` reads by this text. */
function problemsOf(outputs: string, text = "nothing", lines: readonly string[] = []): string[] {
  const { problems } = parse([
    ...lines,
    "tasks:",
    `  count: {type: noop, operator: {}, outputs: ${outputs}}`,
    `  use: {type: bash, operator: {bash_command: ${JSON.stringify(text)}}, dependencies: [count]}`,
  ]);
  return problems.map(
    ({ line, code, message, hint }) => `${line} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

function declaredBy(outputs: string): DeclaredOutputs {
  const { definition } = parse(["tasks:", `  t: {type: noop, operator: {}, outputs: ${outputs}}`]);
  return definition?.tasks[0]?.outputs ?? {};
}

function check(outputs: string, left: Readonly<Record<string, Json>>): string | null {
  const rows = Object.entries(left).map(([key, value]) => ({ key, json: JSON.stringify(value) }));
  return findOutputProblem(declaredBy(outputs), rows);
}

describe("declaring outputs", () => {
  test("takes a type name or a schema, and each output is required unless it says otherwise", () => {
    expect(declaredBy("{rows: integer, note: {type: string, required: false}}")).toEqual({
      rows: { type: "integer", required: true },
      note: { type: "string", required: false },
    });
  });

  test("is absent where nothing is declared, so that older definitions keep their form", () => {
    const { definition } = parse(["tasks:", "  t: {type: noop, operator: {}}"]);
    expect(definition?.tasks[0]).not.toHaveProperty("outputs");
  });

  test("holds for all tasks where the defaults declare, and a task may say something else", () => {
    const { definition } = parse([
      "default_task_config: {outputs: {rows: integer, file: string}}",
      "tasks:",
      "  a: {type: noop, operator: {}}",
      "  b: {type: noop, operator: {}, outputs: {rows: number}}",
    ]);
    const types = definition?.tasks.map(({ outputs = {} }) => `${outputs["rows"]?.type} ${outputs["file"]?.type}`);
    expect(types).toEqual(["integer string", "number string"]);
  });

  test.each([
    [
      "{rows: interger}",
      "3 INVALID_PARAMETER an output is declared by a type name or a schema (did you mean `integer`?)",
    ],
    [
      "{rows: {type: integer, default: 1}}",
      "3 INVALID_PARAMETER an output has no default: the task leaves it or not (write `required: false`, and `default(…)` where it is read)",
    ],
    ["{rows: {type: integer, pattern: a}}", "3 INVALID_PARAMETER `pattern` fits parameters of type string"],
    [
      "{1a: integer}",
      '3 INVALID_ID the output "1a" can\'t be named so (letters, digits, `_`, `.` and `-`, beginning with a letter or `_`)',
    ],
  ])("%s is refused", (outputs, problem) => {
    expect(problemsOf(outputs)).toEqual([problem]);
  });

  test("of more keys than a task may leave is refused", () => {
    const many = Array.from({ length: 257 }, (_, place) => `k${place}: integer`).join(", ");
    expect(problemsOf(`{${many}}`)).toEqual([
      "3 OUT_OF_RANGE 257 outputs are declared; a task leaves at most 256 (put several values into one)",
    ]);
  });
});

describe("reading declared outputs", () => {
  test("of an undeclared key is an error with the closest name", () => {
    expect(problemsOf("{row_count: integer}", "{{ outputs.count.rowcount }}")).toEqual([
      "4 UNKNOWN_OUTPUT the task `count` declares no output `rowcount` (did you mean `outputs.count.row_count`?)",
    ]);
    expect(problemsOf("{row_count: integer}", "{{ outputs.count.zzz }}")).toEqual([
      "4 UNKNOWN_OUTPUT the task `count` declares no output `zzz` (declare it under `outputs` of `count`)",
    ]);
  });

  test("is tried with values of their types", () => {
    const problems = problemsOf("{rows: string}", "{{ outputs.count.rows + 1 }}");
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("4 EXPRESSION_TYPE");
    expect(problemsOf("{rows: integer}", "{{ outputs.count.rows + 1 }}")).toEqual([]);
    expect(problemsOf("{rows: number}", "{{ outputs.count.rows * 2 }}")).toEqual([]);
    expect(problemsOf("{rows: array}", "{{ outputs.count.rows[0].name }}")).toEqual([]);
  });

  test("of a fan-out gives lists, whatever its items leave", () => {
    const { problems } = parse([
      "tasks:",
      "  load: {type: noop, operator: {}, for_each: '[1, 2]', outputs: {rows: integer}}",
      "  sum: {type: noop, operator: {}, dependencies: [load], when: outputs.load.rows > 1}",
      "  all: {type: noop, operator: {}, dependencies: [load], for_each: outputs.load.rows}",
    ]);
    expect(problems.map(({ line, code }) => `${line} ${code}`)).toEqual(["4 EXPRESSION_TYPE"]);
  });
});

describe("checking outputs", () => {
  test("names every broken rule by its key and the kind of the value, without the value", () => {
    const declared =
      "{rows: {type: integer, minimum: 1}, file: string, tags: {type: array, items: string}, gone: object}";
    expect(check(declared, { rows: 0, file: ["secret"], tags: ["a", true], more: 1 })).toBe(
      "`rows` must be at least 1 (minimum); `file` must be text, not a list (type); `tags` has an entry [1] that must be text, not true or false (items.type); `gone` is declared and was not left (required)",
    );
    expect(check("{token: integer}", { token: "hunter2" })).toBe("`token` must be a whole number, not text (type)");
  });

  test("lets an optional output be missing, but not be of another type", () => {
    expect(check("{note: {type: string, required: false}}", {})).toBeNull();
    expect(check("{note: {type: string, required: false}}", { note: null })).toBe(
      "`note` must be text, not null (type)",
    );
  });

  test("passes what is declared, and fails as soon as one of it is missing", () => {
    const kinds = {
      string: fc.string({ unit: "grapheme" }),
      integer: fc.maxSafeInteger(),
      number: fc.double({ noNaN: true, noDefaultInfinity: true }),
      boolean: fc.boolean(),
      array: fc.array(fc.integer()),
      object: fc.dictionary(fc.string(), fc.integer()),
    };
    const types = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
    const output = types.chain((type) => fc.tuple(fc.constant(type), kinds[type]));
    fc.assert(
      fc.property(fc.array(output, { minLength: 1, maxLength: 5 }), fc.nat(), (outputs, picked) => {
        const declared = Object.fromEntries(outputs.map(([type], place) => [`k${place}`, { type, required: true }]));
        const left = outputs.map(([, value], place) => ({ key: `k${place}`, json: JSON.stringify(value) }));
        expect(findOutputProblem(declared, left)).toBeNull();
        const missing = picked % left.length;
        expect(findOutputProblem(declared, left.toSpliced(missing, 1))).toContain(`\`k${missing}\` is declared`);
      }),
    );
  });
});
