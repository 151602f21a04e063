import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Definition, JsonObject } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import { resolveParameters } from "./resolve-parameters.ts";

const operators: OperatorSchemas = new Map([["noop", { fields: z.strictObject({}), code: {}, description: "" }]]);

function parse(parameters: string, more = ""): { definition: Definition | null; problems: string[] } {
  const text = `id: dag\ntimezone: Europe/Berlin\n${more}parameters:\n${parameters.replace(/^/gm, "  ")}\ntasks: [{id: a, type: noop, operator: {}}]\n`;
  const { definition, problems } = parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 1000 });
  return {
    definition,
    problems: problems.map(
      ({ line, column, code, message, hint }) =>
        `${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
    ),
  };
}

const run = {
  logicalAt: Date.parse("2026-01-31T23:30:00Z"),
  intervalStartAt: Date.parse("2026-01-30T23:30:00Z"),
  now: Date.parse("2026-02-02T08:00:00Z"),
  runId: "dag__1",
  runType: "manual",
};

function resolve(
  parameters: string,
  given: JsonObject,
  more = "",
): { parameters: JsonObject; warnings: readonly string[] } {
  const { definition, problems } = parse(parameters, more);
  if (definition === null) throw new Error(problems.join("; "));
  return resolveParameters(definition, given, run);
}

function violationsOf(parameters: string, given: JsonObject, more = ""): unknown {
  try {
    resolve(parameters, given, more);
  } catch (error) {
    if (error instanceof AppError && error.code === "INVALID_PARAMETERS") return error.details["violations"];
    throw error;
  }
  return [];
}

describe("values of a run", () => {
  test("what is given wins over the default; what has neither is absent", () => {
    expect(resolve("a: 1\nb: {type: string, default: x}\nc: {type: integer}", { a: "other" })).toEqual({
      concurrencyKey: null,
      parameters: { a: "other", b: "x" },
      warnings: [],
    });
  });

  test("defaults are rendered, in their order, given values never", () => {
    const parameters =
      'day: "{{ execution_date }}"\nfrom: "{{ data_interval_start | iso }}"\npath: "/data/{{ params.day }}/{{ run.dag_id }}"\nnested: {list: ["{{ params.day | ds_nodash }}"]}';
    expect(resolve(parameters, {}).parameters).toEqual({
      day: "2026-02-01",
      from: "2026-01-30T23:30:00Z",
      path: "/data/2026-02-01/dag",
      nested: { list: ["20260201"] },
    });
    expect(resolve('day: 1\npath: "/data/{{ params.day }}"', { day: "{{ params.x }}" }).parameters).toEqual({
      day: "{{ params.x }}",
      path: "/data/{{ params.x }}",
    });
  });

  test("undeclared ones are kept with a warning, or refused", () => {
    expect(resolve("a: 1", { b: 2 })).toEqual({
      concurrencyKey: null,
      parameters: { a: 1, b: 2 },
      warnings: ["the parameter `b` is not declared by dag; it was kept as given"],
    });
    expect(violationsOf("a: 1", { b: 2 }, "additional_parameters: false\n")).toEqual([
      { parameter: "b", rule: "additional_parameters", message: "is not declared" },
    ]);
  });

  test("names may be words of JavaScript", () => {
    const given = JSON.parse('{"__proto__": 1, "constructor": 2}') as JsonObject;
    expect(Object.entries(resolve("toString: {type: integer}", given).parameters)).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
    ]);
  });
});

describe("broken rules are all named at once", () => {
  test("with parameter and rule", () => {
    const parameters =
      "a: {type: string, required: true}\nb: {type: integer, minimum: 1, maximum: 10}\nc: {type: string, enum: [eu, us]}";
    expect(violationsOf(parameters, { b: 11, c: "uk" })).toEqual([
      { parameter: "a", rule: "required", message: "is required" },
      { parameter: "b", rule: "maximum", message: "must be at most 10" },
      { parameter: "c", rule: "enum", message: 'must be one of "eu", "us"' },
    ]);
  });

  test.each([
    ["{type: integer}", 1.5, "type"],
    ["{type: integer}", "1", "type"],
    ["{type: integer}", null, "type"],
    ["{type: number}", 1, null],
    ["{type: boolean}", 0, "type"],
    ["{type: array}", {}, "type"],
    ["{type: object}", [], "type"],
    ["{type: object}", { a: 1 }, null],
    ["{type: string, pattern: '^a+$'}", "aab", "pattern"],
    ["{type: string, pattern: 'b'}", "aab", null],
    ["{type: string, pattern: '(a+)+$'}", `${"a".repeat(50_000)}b`, "pattern"],
    ["{type: string, min_length: 2}", "🎈", "min_length"],
    ["{type: string, max_length: 1}", "🎈", null],
    ["{type: string, validation: {max_length: 1}}", "ab", "max_length"],
    ["{type: array, max_length: 1}", [1, 2], "max_length"],
    ["{type: array, items: integer}", [1, "x"], "items.type"],
    ["{type: array, items: {type: string, enum: [a]}}", ["a", "b"], "items.enum"],
    ["{type: array, items: {type: array, items: integer}}", [[1], ["x"]], "items.items.type"],
    ["{type: array, enum: [[1, {a: 2}]]}", [1, { a: 2 }], null],
    ["{type: string, format: date}", "2026-02-30", "format"],
    ["{type: string, format: date, minimum: '2026-01-01'}", "2025-12-31", "minimum"],
    ["{type: string, format: date-time}", "2026-01-01", "format"],
    ["{type: string, format: date-time, maximum: '2026-01-01T00:00:00Z'}", "2026-01-01T01:00:00+02:00", null],
  ])("%s with %j breaks %s", (schema, value, rule) => {
    const violations = violationsOf(`p: ${schema}`, { p: value }) as { rule: string }[];
    expect(violations.map((violation) => violation.rule)).toEqual(rule === null ? [] : [rule]);
  });

  test("a rendered default is checked too", () => {
    expect(violationsOf('p: {type: integer, default: "{{ run.dag_id }}"}', {})).toMatchObject([
      { parameter: "p", rule: "type" },
    ]);
  });
});

describe("declarations", () => {
  test.each([
    ["a: {type: string, default: x, enum: [y]}", ['4:30 INVALID_PARAMETER the value must be one of "y"']],
    ["a: {type: integer, default: 5, maximum: 3}", ["4:31 INVALID_PARAMETER the value must be at most 3"]],
    ["a: {type: integer, minimum: 5, maximum: 3}", ["4:43 INVALID_PARAMETER `maximum` is below `minimum`"]],
    [
      "a: {type: string, format: date-time, minimum: '2026-01-01T00:00:00Z', maximum: '2026-01-01T01:00:00+02:00'}",
      ["4:82 INVALID_PARAMETER `maximum` is below `minimum`"],
    ],
    ["a: {type: string, format: date-time, minimum: '2026-01-01T01:00:00+02:00', maximum: '2026-01-01T00:00:00Z'}", []],
    ["a: {type: integer, pattern: x}", ["4:31 INVALID_PARAMETER `pattern` fits parameters of type string"]],
    [
      "a: {type: string, pattern: '(?<a'}",
      ["4:30 INVALID_PARAMETER `pattern` is no regular expression of RE2's syntax: invalid named capture: `(?<a`"],
    ],
    [
      "a: {type: string, minimum: 3}",
      ["4:30 INVALID_PARAMETER `minimum` must be a number and fits parameters that are numbers"],
    ],
    ["a: {type: string, format: date, minimum: 3}", ["4:44 INVALID_PARAMETER `minimum` must be a date as text"]],
    ["a: {type: string, items: integer}", ["4:28 INVALID_PARAMETER `items` fits parameters of type array"]],
    [
      "a: {type: array, items: integr}",
      ["4:27 INVALID_PARAMETER `items` must be a type name or a schema (did you mean `integer`?)"],
    ],
    [
      "a: {type: array, items: {type: integer, pattern: x}}",
      ["4:52 INVALID_PARAMETER `pattern` fits parameters of type string"],
    ],
    ["a: {type: string, defalt: x}", ["4:21 UNKNOWN_KEY the key `defalt` is not known (did you mean `default`?)"]],
    [
      "a: {type: string, validation: {maxlength: 3}}",
      ["4:34 UNKNOWN_KEY the key `maxlength` is not known (did you mean `max_length`?)"],
    ],
    [
      "a b: 1",
      [
        '4:3 INVALID_ID the parameter name "a b" can\'t be used (letters, digits, `_` and `-`, beginning with a letter or `_`)',
      ],
    ],
    [
      'a: "{{ params.b }}"\nb: 1',
      [
        "4:10 UNKNOWN_NAME the parameter `b` is set after this one (declare it first; a default may read earlier parameters only)",
      ],
    ],
    ['a: "{{ outputs.a.k }}"', ["4:10 UNKNOWN_NAME `outputs` can't be read in the default of a parameter"]],
    [
      'a: {type: string, default: "{{ temp_dir }}"}',
      ["4:34 UNKNOWN_NAME `temp_dir` can't be read in the default of a parameter"],
    ],
    [
      "a: {type: strin}",
      [
        "4:6 PARAMETER_FORM this map is read as a default, since its `type` is none that is known (did you mean `string`?)",
      ],
    ],
  ])("%s", (parameters, problems) => {
    expect(parse(parameters).problems).toEqual(problems);
  });

  test("a map is a default unless it has a known type; `default` says it outright", () => {
    const { definition } = parse(
      "a: {type: person, name: Ada}\nb: {default: {type: string}}\nc: {type: string}\nd: [1]",
    );
    expect(definition?.parameters).toEqual({
      a: { type: null, required: false, default: { type: "person", name: "Ada" } },
      b: { type: null, required: false, default: { type: "string" } },
      c: { type: "string", required: false },
      d: { type: null, required: false, default: [1] },
    });
  });
});
