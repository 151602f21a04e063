import { expect, test } from "vitest";
import { z } from "zod";
import { durationToMs } from "./operator-fields.ts";
import { createRegistry, findOperator, operatorSchemas } from "./registry.ts";

function problems(type: string, fields: unknown): string[] {
  const schema = operatorSchemas.get(type);
  if (schema === undefined) throw new Error(`no operator ${type}`);
  const result = schema.fields.safeParse(fields);
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

test("the registry has the built-in types, each under its own name", () => {
  const types = [...operatorSchemas.keys()];

  expect(types).toEqual([
    "bash",
    "python",
    "container",
    "sql",
    "http",
    "email",
    "slack",
    "webhook",
    "noop",
    "millrace.test.fail",
    "millrace.test.sleep",
    "millrace.test.flaky",
    "wait",
    "approval",
    "trigger_dag",
    "function",
  ]);
  // What only waits is an executor's, and a function is its program's: no worker finds them.
  const ofWorkers = types.filter((type) => operatorSchemas.get(type)?.runsIn === undefined && type !== "function");
  const found = types.map((type) => findOperator(type)?.type);
  expect(found).toEqual([...ofWorkers, undefined, undefined, undefined, undefined]);
  expect(findOperator("bahs")).toBeUndefined();
});

test("a second registration of a name is refused", () => {
  const operator = findOperator("noop");
  const schema = operatorSchemas.get("noop");
  if (operator === undefined || schema === undefined) throw new Error("no noop");

  expect(() =>
    createRegistry([
      { operator, schema },
      { operator, schema },
    ]),
  ).toThrow("noop is registered twice");
});

test.each([
  ["bash", { bash_command: "echo hi" }],
  ["bash", { script: "run.sh", shell: "/bin/dash", environment: { A: 1, B: "x", C: true }, working_directory: "." }],
  ["bash", { bash_command: "a", restricted: true }],
  ["bash", { bash_command: "a", restricted: true, shell: "/usr/local/bin/bash" }],
  ["bash", { bash_command: "a", restricted: false, shell: "dash" }],
  ["bash", { bash_command: "a", resources: { cpu: 0.5, memory: "64Mi", disk: "1G" } }],
  ["container", { image: "a", resources: {} }],
  ["python", { python_command: "python x.py" }],
  ["python", { python_code: "print(1)" }],
  ["python", { python_file: "x.py", working_directory: "jobs" }],
  ["noop", {}],
  ["millrace.test.fail", {}],
  ["millrace.test.fail", { message: "no" }],
  ["millrace.test.sleep", { duration: "1h30m" }],
  ["millrace.test.sleep", { duration: 0.5 }],
  ["millrace.test.sleep", { duration: "{{ params.d }}" }],
  ["millrace.test.flaky", { failures: 2 }],
  ["millrace.test.flaky", { failures: "{{ params.n }}" }],
  ["wait", { duration: "10m" }],
  ["wait", { until: "2026-12-24 14:30" }],
  ["wait", { condition: "{{ params.ready }}", poll_interval: 5 }],
  ["approval", { question: "go?", form: { n: 1 }, assignees: ["ada"], timeout: "1d", on_timeout: "skip" }],
  ["trigger_dag", { dag_id: "x", parameters: { n: [1] }, logical_date: "{{ execution_date }}", fail_on: [] }],
])("%s takes %j", (type, fields) => {
  expect(problems(type, fields)).toEqual([]);
});

test.each([
  ["bash", {}, "needs exactly one of bash_command, script"],
  ["bash", { bash_command: "a", script: "b" }, "it has bash_command and script"],
  ["bash", { bash_command: "" }, "bash_command: "],
  ["bash", { bash_command: "a", shell: "fish" }, "shell: must be one of bash"],
  ["bash", { bash_command: "a", bash_comand: "b" }, "Unrecognized key"],
  ["bash", { bash_command: "a", restricted: true, shell: "dash" }, "shell: must be bash, or a path of it"],
  ["bash", { bash_command: "a", restricted: "yes" }, "restricted: "],
  ["bash", { bash_command: "a", resources: { gpus: 1 } }, "resources: Unrecognized key"],
  ["python", { python_code: "1", resources: { memory: 64 } }, "resources.memory: must be a size"],
  ["bash", { bash_command: "a", environment: { "1X": "a" } }, "environment.1X: "],
  ["python", { python_code: "1", python_file: "x" }, "it has python_code and python_file"],
  ["noop", { x: 1 }, "Unrecognized key"],
  ["wait", {}, "needs exactly one of duration, until, condition"],
  ["wait", { duration: "1h", until: "2026-12-24" }, "it has duration and until"],
  ["wait", { until: "soon" }, "until: must be a time such as"],
  ["approval", { form: {} }, "question: "],
  ["approval", { question: "go?", form: { decision: "x" } }, "form.decision"],
  ["approval", { question: "go?", on_reject: "approve" }, "on_reject: must be one of fail, skip, continue"],
  ["trigger_dag", { dag_id: "x", fail_on: ["success"] }, "fail_on: must be a list of failed and cancelled"],
  ["millrace.test.sleep", { duration: "10 parsecs" }, "must be a duration"],
  ["millrace.test.sleep", { duration: 0 }, "duration: "],
  ["millrace.test.flaky", {}, "failures: "],
  ["millrace.test.flaky", { failures: 1.5 }, "failures: "],
])("%s refuses %j", (type, fields, message) => {
  expect(problems(type, fields).join("\n")).toContain(message);
});

test("every schema can be given to editors as JSON Schema", () => {
  for (const { fields, code } of operatorSchemas.values()) {
    const { properties = {} } = z.toJSONSchema(fields, { io: "input" });
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(code)));
  }
});

test("durations are text, seconds, or seconds as text", () => {
  expect([durationToMs("2s"), durationToMs(0.25), durationToMs("3"), durationToMs("PT1M")]).toEqual([
    2000, 250, 3000, 60_000,
  ]);
  expect([durationToMs("soon"), durationToMs(-1), durationToMs(0), durationToMs(null)]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});
