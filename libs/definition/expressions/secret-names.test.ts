import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { plainContext } from "../rendering/plain-context.testsuite.ts";
import { compileDefinition } from "../rendering/compile-definition.ts";
import type { Json } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import { type RenderedTask, renderTask } from "../rendering/render-task.ts";

const operators: OperatorSchemas = new Map([
  [
    "work",
    {
      fields: z.strictObject({
        command: z.string().optional(),
        python: z.string().optional(),
        query: z.string().optional(),
        text: z.unknown().optional(),
      }),
      code: { command: "shell", python: "python", query: "sql" },
      description: "",
    },
  ],
]);

function parse(task: { readonly [key: string]: Json }, dag: { readonly [key: string]: Json } = {}) {
  const text = JSON.stringify({ id: "d", ...dag, tasks: [{ id: "t", type: "work", operator: {}, ...task }] });
  return parseDefinition(text, { file: "d.yaml", operators, maxTaskTimeoutMs: 86_400_000 });
}

function render(task: { readonly [key: string]: Json }, dag: { readonly [key: string]: Json } = {}): RenderedTask {
  const { definition, problems } = parse(task, dag);
  if (definition === null) throw new Error(JSON.stringify(problems));
  return renderTask(
    compileDefinition(definition, operators),
    0,
    plainContext({}, { secretMarker: (name) => `<${name}>` }),
  );
}

const problemsOf = (...given: Parameters<typeof parse>): readonly string[] =>
  parse(...given)
    .problems.filter(({ warning }) => !warning)
    .map(({ code, message, hint }) => `${code}: ${message} (${hint})`);

describe("a secret becomes its marker", () => {
  test("in texts, also within longer ones, and in lists and maps", () => {
    const text = { url: "https://x/?k={{ secrets.key }}", list: ["{{ secrets.key }}", '{{ secrets["api-key"] }}'] };
    expect(render({ operator: { text } }).operator["text"]).toEqual({
      url: "https://x/?k=<key>",
      list: ["<key>", "<api-key>"],
    });
  });

  test("in the environment, also the one of all tasks", () => {
    const dag = { default_task_config: { environment: { A: "{{ secrets.a }}" } } };
    expect(render({ environment: { B: "x {{ secrets.b }}" } }, dag).environment).toEqual({ A: "<a>", B: "x <b>" });
  });

  test("beside shell code, and as a parameter of SQL", () => {
    const { operator, values } = render({
      operator: { command: "curl -u '{{ secrets.a }}'", query: "SELECT '{{ secrets.b }}'" },
    });
    expect(operator).toEqual({
      command: "curl -u ''\"${MILLRACE_VALUE_1}\"''",
      query: ["SELECT '", { value: "<b>" }, "'"],
    });
    expect(values).toEqual({ MILLRACE_VALUE_1: "<a>" });
  });
});

describe("a secret is refused", () => {
  test.each([
    [{ parameters: { a: "{{ secrets.a }}" } }, {}],
    [{ when: "secrets.a == 'x'" }, {}],
    [{ for_each: "secrets.a" }, {}],
    [{}, { parameters: { a: "{{ secrets.a }}" } }],
    [{}, { default_task_config: { parameters: { a: "{{ secrets.a }}" } } }],
  ])("where somebody else than the worker would read it: %j %j", (task, dag) => {
    expect(problemsOf(task, dag).join()).toMatch(/UNKNOWN_NAME|SECRET_EXPRESSION/);
  });

  test.each([
    "{{ secrets.a | upper }}",
    "{{ secrets.a | raw }}",
    "{{ secrets.a | default('x') }}",
    "{{ 'Bearer ' + secrets.a }}",
    "{{ size(secrets.a) }}",
    "{{ [secrets.a] }}",
    "{{ params.x | default(secrets.a) }}",
  ])("in an expression that computes: %s", (text) => {
    expect(problemsOf({ operator: { text } })).toEqual([
      "SECRET_EXPRESSION: a secret stands alone: only the worker knows it, so nothing can be computed with it here (write text around the braces: `Bearer {{ secrets.token }}`)",
    ]);
  });

  test.each(["{{ secrets }}", "{{ secrets.a.b }}", "{{ secrets['a b'] }}", "{{ secrets[params.x] }}"])(
    "without one plain name: %s",
    (text) => {
      expect(problemsOf({ operator: { text } }).join()).toContain("`secrets` needs the name of one secret");
    },
  );

  test("in Python code, where it would stand in a file", () => {
    expect(problemsOf({ operator: { python: "x = '{{ secrets.a }}'" } })).toEqual([
      "UNSAFE_PLACE: a secret can't stand in Python code (give it to the process through `environment` and read it from `os.environ`)",
    ]);
  });
});
