import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { plainContext } from "../rendering/plain-context.testsuite.ts";
import { compileDefinition } from "../rendering/compile-definition.ts";
import type { Json, JsonObject } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import { renderTask } from "../rendering/render-task.ts";

const operators: OperatorSchemas = new Map([
  [
    "sql",
    {
      fields: z.strictObject({ query: z.string(), parameters: z.unknown().optional() }),
      code: { query: "sql" },
      description: "",
    },
  ],
]);

function parse(query: string) {
  const text = JSON.stringify({
    id: "d",
    parameters: { x: "", n: 1, list: [], day: "" },
    tasks: [{ id: "t", type: "sql", operator: { query } }],
  });
  return parseDefinition(text, { file: "d.yaml", operators, maxTaskTimeoutMs: 86_400_000 });
}

/** What a worker gets for the query. */
function render(query: string, params: JsonObject): Json {
  const { definition, problems } = parse(query);
  if (definition === null) throw new Error(JSON.stringify(problems));
  const compiled = compileDefinition(definition, operators);
  return renderTask(compiled, 0, plainContext(params)).operator["query"] ?? null;
}

describe("SQL with expressions", () => {
  test("is text and values; a value keeps its type", () => {
    expect(render("SELECT '{{ params.x }}', {{ params.n }}, {{ params.list }}", { x: "'", n: 3, list: [1] })).toEqual([
      "SELECT '",
      { value: "'" },
      "', ",
      { value: 3 },
      ", ",
      { value: [1] },
    ]);
  });

  test("a name comes without quotes: the worker knows which", () => {
    expect(render('SELECT {{ params.x | ident }} FROM "t"', { x: 'a"b' })).toEqual([
      "SELECT ",
      { name: 'a"b' },
      ' FROM "t"',
    ]);
  });

  test("without expressions, or with one in a comment alone, it is the text that was written", () => {
    expect(render("SELECT 1", {})).toBe("SELECT 1");
    expect(render("SELECT 1 -- {{ params.x }} and {{ what.ever }}", {})).toBe(
      "SELECT 1 -- {{ params.x }} and {{ what.ever }}",
    );
  });

  test.each([
    "SELECT data #>> '{a,b}' FROM t WHERE x = {{ params.x }}",
    "SELECT `it's` FROM t WHERE x = {{ params.x }}",
    "SELECT [it's] FROM t WHERE x = {{ params.x }}",
    "SELECT $$ it's $$, {{ params.x }}",
  ])("what one dialect can read is accepted: %s", (query) => {
    expect(parse(query).problems).toEqual([]);
  });

  test.each([
    [
      "SELECT * FROM {{ params.x }}",
      "it stands in the place of a name",
      "write `{{ … | ident }}`, which quotes it as a name",
    ],
    ['SELECT "{{ params.x }}"', "it stands in a quoted name", "for a name write `{{ … | ident }}`"],
    ["SELECT a_{{ params.x }}", "it touches a name", "a value is a parameter of its own"],
    ["SELECT {{ params.x | raw }}", "the filter `raw` does not exist in SQL", "for a name use `| ident`"],
    ["SELECT '{{ params.x | ident }}'", "a name can't stand in a literal", ""],
  ])("%s is refused", (query, message, hint) => {
    const problems = parse(query).problems.filter(({ warning }) => !warning);
    expect(problems).toMatchObject([{ code: "UNSAFE_PLACE" }]);
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]?.hint).toContain(hint);
  });

  test("braces that don't match are told where they stand", () => {
    expect(parse("SELECT {{ params.x").problems).toMatchObject([{ code: "UNBALANCED_BRACES" }]);
  });
});
