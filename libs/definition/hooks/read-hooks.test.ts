import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parentEdges } from "#core/graph.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { TaskDefinition } from "../model.ts";
import { readTexts } from "../parsed-text.testsuite.ts";
import { planOf } from "../plan-of.ts";

const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }],
  [
    "bash",
    { fields: z.strictObject({ bash_command: z.string() }), code: { bash_command: "shell" as const }, description: "" },
  ],
  [
    "webhook",
    {
      fields: z.strictObject({ url: z.string(), body: z.unknown().optional() }),
      code: {},
      description: "",
      hookDefaults: { body: { failed: "{{ ended.failed_tasks }}" } },
    },
  ],
  [
    "tell",
    {
      fields: z.strictObject({ to: z.string(), text: z.string() }),
      code: {},
      description: "",
      hookDefaults: { text: "{{ ended.message }}" },
    },
  ],
]);

const { problemsOf, definitionOf } = readTexts(operators, 86_400_000);

function taskOf(text: string, id: string): TaskDefinition {
  const task = definitionOf(text).tasks.find((each) => each.id === id);
  if (task === undefined) throw new Error(`there is no task ${id}`);
  return task;
}

const noop = "type: noop, operator: {}";
/** A definition with one hook, on the task of the third line. */
const onFailure = (hook: string): string => `id: x\ntasks:\n  - {id: a, ${noop}, on_failure: ${hook}}\n`;

describe("a hook", () => {
  test("is a task behind all others, with an id of its own, that fails nothing", () => {
    const { tasks } = definitionOf(`id: x
on_failure: {type: noop, operator: {}}
on_success: {type: noop, operator: {}}
tasks:
  - {id: a, ${noop}, on_success: {${noop}}}
  - {id: b, ${noop}, dependencies: [a], on_failure: {${noop}, retries: 2, timeout: 5s, when: "true"}}
`);
    expect(tasks.map(({ id, hook }) => [id, hook])).toEqual([
      ["a", undefined],
      ["b", undefined],
      ["a.on_success", { of: "task", on: "success" }],
      ["b.on_failure", { of: "task", on: "failure" }],
      [".on_success", { of: "run", on: "success" }],
      [".on_failure", { of: "run", on: "failure" }],
    ]);
    expect(tasks[3]).toMatchObject({ allowFailure: true, timeoutMs: 5000, when: "true", retry: { maxRetries: 2 } });
    expect(tasks.map(({ dependencies }) => dependencies.map(({ task }) => task))).toEqual([
      [],
      ["a"],
      ["a"],
      ["b"],
      [],
      [],
    ]);
  });

  test("of the run comes after every task in the plan, and after no hook", () => {
    const plan = planOf(
      definitionOf(
        `{id: x, on_failure: {${noop}}, tasks: [{id: a, ${noop}, on_failure: {${noop}}}, {id: b, ${noop}}]}`,
      ),
    );
    const place = plan.tasks.findIndex(({ id }) => id === ".on_failure");
    expect([...parentEdges(plan.graph, place)].map(({ task }) => plan.tasks[task]?.id)).toEqual(["a", "b"]);
    expect(plan.tasks[place]?.hook).toEqual({ of: "run", on: "failure" });
  });

  test("takes from the defaults where it runs and what it sees, and nothing else", () => {
    const text = `id: x
default_task_config:
  queue: far
  environment: {REGION: eu}
  parameters: {n: 1}
  labels: {zone: a}
  retries: 5
  timeout: 7s
  pool: small
  priority: 9
  trigger_rule: one_failed
  allow_failure: false
tasks:
  - {id: a, ${noop}, trigger_rule: all_success, on_failure: {${noop}}}
`;
    expect(taskOf(text, "a.on_failure")).toMatchObject({
      queue: "far",
      environment: { REGION: "eu" },
      parameters: { n: 1 },
      labels: { required: { zone: "a" } },
      retry: { maxRetries: 0 },
      pool: null,
      priority: 0,
      allowFailure: true,
    });
    expect(taskOf(text, "a.on_failure").timeoutMs).not.toBe(7000);
  });

  test("that is an address posts there what has happened", () => {
    const short = taskOf(onFailure('"https://example.com/{{ run.dag_id }}"'), "a.on_failure");
    expect(short).toMatchObject({ type: "webhook", operator: { url: "https://example.com/{{ run.dag_id }}" } });
    expect(short.operator["body"]).toEqual({ failed: "{{ ended.failed_tasks }}" });
    expect(taskOf(onFailure('"{{ secrets.address }}"'), "a.on_failure").type).toBe("webhook");
  });

  test.each([
    ["tell", "{to: team}", { to: "team", text: "{{ ended.message }}" }],
    ["tell", "{to: team, text: hi}", { to: "team", text: "hi" }],
    ["webhook", "{url: u, body: {a: 1}}", { url: "u", body: { a: 1 } }],
  ])("of type %s with %s says something by itself", (type, operator, expected) => {
    const hook = taskOf(onFailure(`{type: ${type}, operator: ${operator}}`), "a.on_failure");
    expect(hook.operator).toEqual(expected);
  });

  test("has a message of its own only as a hook", () => {
    expect(problemsOf("id: x\ntasks: [{id: a, type: tell, operator: {to: team}}]\n")).toEqual([
      "2:39 MISSING_KEY `text` is required",
    ]);
  });

  test.each([
    ["[a, b]", "3:51 INVALID_TYPE a hook must be a task, or the address that a webhook posts to, not a list"],
    ["ops@example.com", /^3:51 INVALID_TYPE a hook must be a task.* not the text "ops@example.com"$/],
    ["", /^3:\d+ INVALID_TYPE a hook must be .* not empty$/],
    [`{${noop}, dependencies: [b]}`, "3:78 UNKNOWN_KEY the key `dependencies` is not known"],
    [`{${noop}, trigger_rule: always}`, /UNKNOWN_KEY the key `trigger_rule`/],
    [`{${noop}, for_each: "[1]"}`, /UNKNOWN_KEY the key `for_each`/],
    [`{${noop}, on_failure: {${noop}}}`, /UNKNOWN_KEY the key `on_failure`/],
    ["{type: nop, operator: {}}", /UNKNOWN_OPERATOR there is no kind of work `nop`/],
    ["{operator: {}}", /MISSING_KEY `type` is required/],
    [`{type: bash, operator: {bash_command: "echo {{ ended.what }}"}}`, /UNKNOWN_NAME `ended` has no `what`/],
    [`{type: bash, operator: {bash_command: "echo {{ ended.duration_ms + 'x' }}"}}`, /EXPRESSION_TYPE/],
    [`{${noop}, timeout: 99d}`, /TIMEOUT_TOO_LONG/],
  ])("%s is refused where it stands", (hook, problem) => {
    const problems = problemsOf(onFailure(hook));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test("is nobody's dependency and leaves nothing to read", () => {
    const text = (rest: string): string =>
      `id: x\ntasks:\n  - {id: a, ${noop}, on_success: {${noop}}}\n  - {id: b, type: bash, ${rest}}\n`;
    expect(problemsOf(text('dependencies: [a.on_success], operator: {bash_command: "true"}'))).toEqual([
      expect.stringContaining("UNKNOWN_TASK there is no task `a.on_success`"),
    ]);
    expect(problemsOf(text(`operator: {bash_command: "echo {{ outputs['a.on_success'].x }}"}`))).toEqual([
      expect.stringContaining("UNKNOWN_TASK"),
    ]);
  });

  test("reads the outputs of its own task, and as the run's those of all", () => {
    const text = `id: x
on_success: {type: bash, operator: {bash_command: "echo {{ outputs.a.rows }} {{ outputs.b.rows }}"}}
tasks:
  - {id: a, ${noop}, on_success: {type: bash, operator: {bash_command: "echo {{ outputs.a.rows }}"}}}
  - {id: b, ${noop}, on_success: {type: bash, operator: {bash_command: "echo {{ outputs.a.rows }}"}}}
`;
    expect(problemsOf(text)).toEqual([
      expect.stringContaining("NOT_AN_ANCESTOR `b.on_success` reads an output of `a`"),
    ]);
  });

  test("knows `ended`, which nothing else does", () => {
    expect(
      problemsOf('id: x\ntasks: [{id: a, type: bash, operator: {bash_command: "echo {{ ended.state }}"}}]'),
    ).toEqual([expect.stringContaining("UNKNOWN_NAME `ended` can't be read here")]);
  });

  test("counts as a task", () => {
    const tasks = Array.from({ length: 10_000 }, (_, place) => `  t${place}: {type: noop, operator: {}}`);
    expect(problemsOf(`id: x\non_failure: {${noop}}\ntasks:\n${tasks.join("\n")}\n`)).toEqual([
      expect.stringContaining("TOO_MANY_TASKS the definition has 10000 tasks and 1 hooks"),
    ]);
  });
});
