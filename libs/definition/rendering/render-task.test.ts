import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { type CompiledDefinition, compileDefinition } from "./compile-definition.ts";
import type { Definition, JsonObject } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import type { RenderContext } from "./render-context.ts";
import { evaluateWhen, renderTask } from "./render-task.ts";

const operators: OperatorSchemas = new Map([
  [
    "work",
    {
      fields: z.strictObject({
        command: z.string().optional(),
        count: z.union([z.int().max(10), z.string().regex(/\{\{/)]).optional(),
        anything: z.unknown().optional(),
        environment: z.record(z.string(), z.unknown()).optional(),
      }),
      code: { command: "shell" as const },
      description: "",
    },
  ],
]);

function parse(text: string): Definition {
  const { definition, problems } = parseDefinition(`id: dag\n${text}`, {
    file: "x",
    operators,
    maxTaskTimeoutMs: 1000,
  });
  if (definition === null) throw new Error(problems.map(({ message }) => message).join("; "));
  // As it comes from the database.
  return JSON.parse(JSON.stringify(definition)) as Definition;
}

function compile(text: string): CompiledDefinition {
  return compileDefinition(parse(text), operators);
}

function contextWith(params: JsonObject, more: Partial<RenderContext> = {}): RenderContext {
  return {
    params,
    logicalAt: Date.parse("2026-01-31T02:00:00Z"),
    intervalStartAt: 0,
    intervalEndAt: 0,
    now: Date.parse("2026-02-01T00:00:00Z"),
    timezone: "UTC",
    run: { dag_run_id: "dag__1", dag_id: "dag", run_type: "manual", start_date: null },
    taskInstance: { task_id: "a", try_number: 1, max_tries: 1 },
    outputs: (task) => (task === "first" ? { rows: 3, path: "/x" } : undefined),
    tempDir: "/tmp/1",
    ...more,
  };
}

function render(operator: JsonObject, params: JsonObject = {}) {
  const compiled = compile(
    `tasks: [{id: first, type: work, operator: {}}, {id: a, type: work, dependencies: [first], operator: ${JSON.stringify(operator)}}]`,
  );
  return renderTask(compiled, 1, contextWith(params));
}

describe("fields", () => {
  test("a text that is one expression keeps its type, longer text does not", () => {
    const { operator } = render(
      {
        anything: [
          "{{ outputs.first.rows }}",
          " {{ outputs.first.rows }}",
          { key: "{{ params.list }}" },
          "x {{ params.list }}",
        ],
      },
      { list: [1, "a"] },
    );
    expect(operator).toEqual({ anything: [3, " 3", { key: [1, "a"] }, 'x [1,"a"]'] });
  });

  test("code refers to values by environment variables; the same expression has one", () => {
    const rendered = render({ command: "echo {{ params.a }} '{{params.a}}' {{ outputs.first.path }}" }, { a: "it's" });
    expect(rendered.operator).toEqual({
      command: `echo "\${MILLRACE_VALUE_1}" ''"\${MILLRACE_VALUE_1}"'' "\${MILLRACE_VALUE_2}"`,
    });
    expect(rendered.values).toEqual({ MILLRACE_VALUE_1: "it's", MILLRACE_VALUE_2: "/x" });
  });

  test("`raw` puts the value into the code", () => {
    expect(render({ command: "ls {{ params.options | raw }}" }, { options: "-l -a" })).toMatchObject({
      operator: { command: "ls -l -a" },
      values: {},
    });
  });

  test("what a value contains is never rendered again", () => {
    expect(render({ anything: "{{ params.a }}" }, { a: "{{ params.b }}", b: 1 }).operator).toEqual({
      anything: "{{ params.b }}",
    });
  });

  test("a value that the field can't take fails by name", () => {
    const failure = new AppError(
      "VALUE_UNUSABLE",
      "`operator.count` of task a can't take its value: `count` must be at most 10",
      { details: { task: "a", field: "operator.count" } },
    );
    expect(() => render({ count: "{{ params.n }}" }, { n: 11 })).toThrow(failure);
    expect(render({ count: "{{ params.n }}" }, { n: 10 }).operator).toEqual({ count: 10 });
  });

  test("a missing value fails by name", () => {
    expect(() => render({ command: "echo {{ outputs.first.gone }}" })).toThrow(
      "the task `first` left no output `gone`; it left rows, path",
    );
    expect(() => render({ command: "echo {{ params.gone }}" })).toThrow(
      "the parameter `gone` is not set, but {{ params.gone }} needs it",
    );
  });

  test("a task without expressions is rendered once", () => {
    const compiled = compile("tasks: [{id: a, type: work, operator: {command: ls}, environment: {A: 1}}]");
    const first = renderTask(compiled, 0, contextWith({}));
    const second = renderTask(compiled, 0, contextWith({ x: 1 }));
    expect(first).toEqual({ operator: { command: "ls" }, environment: { A: "1" }, values: {}, parameters: {} });
    expect(second.operator).toBe(first.operator);
    expect(second.parameters).toEqual({ x: 1 });
  });
});

test("all expressions of a task share the steps of one evaluation, so that many are not slower than one", () => {
  const list = Array.from({ length: 100_000 }, (_, place) => place);
  const loop = "{{ params.list.all(n, n >= 0) }}";
  expect(render({ anything: loop }, { list }).operator).toEqual({ anything: true });
  expect(() => render({ anything: Array.from({ length: 40 }, () => loop) }, { list })).toThrow(
    "more than 500000 steps, with what is evaluated beside it",
  );
});

describe("environment", () => {
  test("comes from the defaults, the task and the operator, the later winning", () => {
    const compiled = compile(
      [
        "default_task_config: {environment: {A: default, B: default, C: default}}",
        "tasks:",
        "  - id: a",
        "    type: work",
        '    environment: {B: "task {{ params.x }}", C: task}',
        '    operator: {environment: {C: "{{ params.x }}", D: true, E: "{{ params.list }}"}}',
      ].join("\n"),
    );
    expect(renderTask(compiled, 0, contextWith({ x: 5, list: [1] })).environment).toEqual({
      A: "default",
      B: "task 5",
      C: "5",
      D: "true",
      E: "[1]",
    });
    expect(() => renderTask(compiled, 0, contextWith({ x: "a\0", list: [] }))).toThrow(
      "the value of the variable B holds a NUL character",
    );
  });
});

describe("parameters", () => {
  const text = [
    'parameters: {given: default, kept: default, day: "{{ execution_date }}"}',
    "tasks:",
    "  - id: a",
    "    type: work",
    '    parameters: {given: task, kept: task, day: other, own: "{{ params.kept }}"}',
    '    operator: {anything: "{{ params.given }} {{ params.kept }} {{ params.own }} {{ params.day }}"}',
  ].join("\n");

  test("of the task win over the definition's, but not over the trigger's", () => {
    const params = { given: "trigger", kept: "default", day: "2026-01-31" };
    const rendered = renderTask(compile(text), 0, contextWith(params));
    expect(rendered.parameters).toEqual({ given: "trigger", kept: "task", own: "default", day: "other" });
    expect(rendered.operator).toEqual({ anything: "trigger task default other" });
  });

  test("what was given can be said outright, for a trigger that gives the default itself", () => {
    const params = { given: "default", kept: "default", day: "2026-01-31" };
    const rendered = renderTask(compile(text), 0, contextWith(params, { givenParameters: ["given"] }));
    expect(rendered.parameters).toMatchObject({ given: "default", kept: "task" });
  });
});

describe("when", () => {
  const compiled = compile(
    "parameters: {region: eu, n: 1}\ntasks: [{id: a, type: work, operator: {}, when: \"params.region == 'eu'\"}, {id: b, type: work, operator: {}}, {id: c, type: work, operator: {}, when: params.n}]",
  );

  test("decides whether the task runs", () => {
    expect(evaluateWhen(compiled, 0, contextWith({ region: "eu" }))).toBe(true);
    expect(evaluateWhen(compiled, 0, contextWith({ region: "us" }))).toBe(false);
    expect(evaluateWhen(compiled, 1, contextWith({}))).toBe(true);
  });

  test("fails when it is neither true nor false, or something is missing", () => {
    expect(() => evaluateWhen(compiled, 2, contextWith({ n: 1 }))).toThrow(
      "`when: params.n` must be true or false, not 1",
    );
    expect(() => evaluateWhen(compiled, 0, contextWith({}))).toThrow("the parameter `region` is not set");
  });
});

test("the outputs that a task reads are known before it is rendered", () => {
  const compiled = compile(
    'tasks: [{id: first, type: work, operator: {}}, {id: a, type: work, dependencies: [first], when: outputs.first.rows > 0, environment: {A: "{{ upstream.first.path }}"}, operator: {anything: ["{{ outputs.first.rows + 1 }}", "{{ xcom_pull(\'first\', \'path\') }}"]}}]',
  );
  expect(compiled.tasks.map(({ outputRefs }) => outputRefs)).toEqual([
    [],
    [
      { task: "first", key: "rows" },
      { task: "first", key: "path" },
    ],
  ]);
});

test("a kind of work that is unknown here is refused", () => {
  const definition = parse("tasks: [{id: a, type: work, operator: {}}]");
  expect(() => compileDefinition(definition, new Map())).toThrow("task a is of the type work, which is not known here");
});

test("of a task only what rendering needs is kept, once for all that resemble it", () => {
  const more = "resources: {cpu: 2}, description: long, operator: {}";
  const { definition, tasks } = compile(`tasks: [{id: a, type: work, ${more}}, {id: b, type: work, ${more}}]`);
  const [first, second] = definition.tasks;
  expect(tasks.map((task) => task.definition)).toEqual([first, second]);
  expect(Object.keys(first ?? {}).toSorted()).toEqual(["captureStdout", "id", "parameters", "resources"]);
  expect(first?.resources).toBe(second?.resources);
});
