import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { getLanguageService, TextDocument } from "yaml-language-server";
import { definitionJsonSchema } from "#definition/schema/json-schema.ts";
import type { JsonObject } from "#definition/model.ts";
import { parseDefinition } from "#definition/parse-definition.ts";
import { readDefinitionDocuments } from "#definition/templates/definition-documents.ts";
import { operatorSchemas } from "#operators/registry.ts";

const schema = definitionJsonSchema(operatorSchemas);
const examples = join(import.meta.dirname, "../../examples");
const noProblem = { send: () => undefined, sendError: fail, sendTrack: () => undefined };

const service = getLanguageService({
  schemaRequestService: () => Promise.reject(new Error("the schema needs no other")),
  workspaceContext: { resolveRelativePath: (path) => path },
  telemetry: noProblem,
});
service.configure({
  validate: true,
  completion: true,
  yamlVersion: "1.2",
  schemas: [{ uri: "file:///dag.json", fileMatch: ["*.yaml"], schema: structuredClone(schema) }],
});

type EditorDocument = Parameters<typeof service.doValidation>[0];
let documents = 0;

/** The service remembers documents by name, so each has its own. */
function documentOf(text: string): EditorDocument {
  documents += 1;
  return TextDocument.create(`file:///${documents}.yaml`, "yaml", 1, text) as EditorDocument;
}

/** What an editor shows, as `line message`. */
async function diagnosticsOf(text: string): Promise<string[]> {
  const found = await service.doValidation(documentOf(text), false);
  return found.map(({ range, message }) => `${range.start.line + 1} ${message as string}`);
}

function isRefused(text: string): boolean {
  const options = { file: "x", operators: operatorSchemas, maxTaskTimeoutMs: 86_400_000 };
  return parseDefinition(text, options).definition === null;
}

function fail(_event: string, problem: unknown): never {
  throw problem;
}

const dag = (line: string): string => `id: x\n${line}\ntasks:\n  - {id: a, type: noop, operator: {}}\n`;
const task = (line: string): string =>
  `id: x\ntasks:\n  - id: a\n    type: bash\n    ${line}\n    operator:\n      bash_command: ls\n`;
const operator = (line: string, type = "bash"): string =>
  `id: x\ntasks:\n  - id: a\n    type: ${type}\n    operator:\n      ${line}\n`;
const methods = '"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"';
const duration = "must be a duration greater than zero: 30s, 5m, 2h, 1d, 1h30m or ISO 8601 (PT1H30M)";

const mistakes: readonly (readonly [text: string, diagnostic: string])[] = [
  [dag("schedul: daily"), "2 Property schedul is not allowed."],
  [dag("format: 2"), "2 Value must be 1."],
  [dag("tags: analytics"), '2 Incorrect type. Expected "array".'],
  [dag("tags: [1]"), '2 Incorrect type. Expected "string".'],
  [dag("timezone: 3"), '2 Incorrect type. Expected "string".'],
  [dag("priority: 101"), "2 Value is above the maximum of 100."],
  [dag("max_active_runs: 0"), "2 Value is below the minimum of 1."],
  [dag("max_active_runs: many"), '2 Incorrect type. Expected "integer".'],
  [dag("run_timeout: 90"), '2 Incorrect type. Expected "string".'],
  [dag("run_timeout: 0s"), `2 ${duration}`],
  [dag("run_timeout: 1 hour"), `2 ${duration}`],
  [dag("executor: kubernetes"), '2 Value is not accepted. Valid values: "local", "stream", "kafka".'],
  [dag("additional_parameters: maybe"), '2 Incorrect type. Expected "boolean".'],
  [dag("default_task_config: {when: x}"), "2 Property when is not allowed."],
  [dag("schedule: {cron: '@daily', catchup: some}"), '2 Value is not accepted. Valid values: "none", "latest", "all".'],
  [dag("schedule: {crn: '@daily'}"), "2 Property crn is not allowed."],
  [dag("parameters: [a]"), '2 Incorrect type. Expected "object".'],
  [dag("parameters: {n: {type: integer, minmum: 1}}"), "2 Property minmum is not allowed."],
  [dag("parameters: {n: {type: integer, required: yes}}"), '2 Incorrect type. Expected "boolean".'],
  [
    dag("parameters: {n: {type: array, items: strng}}"),
    '2 Value is not accepted. Valid values: "string", "integer", "number", "boolean", "array", "object".',
  ],
  [dag("parameters: {n: {type: string, validation: {maxlength: 3}}}"), "2 Property maxlength is not allowed."],
  [
    "id: 2024\ntasks: [{id: a, type: noop, operator: {}}]\n",
    "1 an id is text: 1 to 200 letters, digits, `_`, `.` or `-`",
  ],
  [
    "id: a/b\ntasks: [{id: a, type: noop, operator: {}}]\n",
    "1 an id is text: 1 to 200 letters, digits, `_`, `.` or `-`",
  ],
  ["tasks: [{id: a, type: noop, operator: {}}]\n", '1 Missing property "id".'],
  ["id: x\n", '1 Missing property "tasks".'],
  ["id: x\ntasks: []\n", "2 Array has too few items. Expected 1 or more."],
  ["id: x\ntasks: {}\n", "2 Object has fewer properties than the required number of 1"],
  ["id: x\ntasks: a\n", "2 Incorrect type. Expected one of array, object."],
  ["id: x\ntasks:\n  - a\n", '3 Incorrect type. Expected "task".'],
  ["id: x\ntasks:\n  - {type: noop, operator: {}}\n", '3 Missing property "id".'],
  ["id: x\ntasks:\n  - {id: a, operator: {}}\n", '3 Missing property "type".'],
  ["id: x\ntasks:\n  - {id: a, type: noop}\n", '3 Missing property "operator".'],
  ["id: x\ntasks:\n  a: {type: noop}\n", '3 Missing property "operator".'],
  ["id: x\ntasks:\n  a: {id: a, type: noop, operator: {}}\n", "3 Property id is not allowed."],
  [
    "id: x\ntasks:\n  a.b: {type: noop, operator: {}}\n",
    "3 an id is text: letters, digits, `_` and `-`, beginning with a letter or `_`, at most 200 characters",
  ],
  [task("dependecies: [b]"), "5 Property dependecies is not allowed."],
  [task("dependencies: b"), '5 Incorrect type. Expected "array".'],
  [task("dependencies: [{tsk: b}]"), "5 Property tsk is not allowed."],
  [task("dependencies: [{on: failure}]"), '5 Missing property "task".'],
  [
    task("dependencies: [{task: b, on: error}]"),
    '5 Value is not accepted. Valid values: "success", "failure", "completion".',
  ],
  [task("when: 3"), "5 Incorrect type. Expected one of string, boolean."],
  [task("for_each: [eu, us]"), "5 Incorrect type. Expected one of string, object."],
  [task("for_each: {items: params.x, limit: 0}"), "5 Value is below the minimum of 1."],
  [task("for_each: {key: item}"), '5 Missing property "items".'],
  [task("retries: -1"), "5 Value is below the minimum of 0."],
  [task("retry: {max_retry: 1}"), "5 Property max_retry is not allowed."],
  [task("retry: {delay: soon}"), `5 ${duration}`],
  [task("retry: {retry_exit_codes: [256]}"), "5 Value is above the maximum of 255."],
  [task("environment: {A-B: x}"), "5 a variable's name is letters, digits and `_`"],
  [task("environment: {A: [1]}"), "5 Incorrect type. Expected one of string, number, boolean."],
  [task("queue: a b"), "5 must be 1 to 200 letters, digits, `_`, `.` or `-`"],
  [task("isolation: jail"), '5 Value is not accepted. Valid values: "process", "container".'],
  [operator("bash_comand: ls"), "6 Property bash_comand is not allowed."],
  [operator("working_directory: ."), "5 exactly one of bash_command, script is needed"],
  [operator("bash_command: 3"), '6 Incorrect type. Expected "string".'],
  [operator("{bash_command: ls, script: x.sh}"), "6 exactly one of bash_command, script is needed"],
  [dag("executor: 5"), '2 Value is not accepted. Valid values: "local", "stream", "kafka".'],
  ["id: x\ntasks:\n  - {id: a, typ: noop, operator: {}}\n", "3 Property typ is not allowed."],
  ["id: x\ntask:\n  - {id: a, type: noop, operator: {}}\n", "2 Property task is not allowed."],
  [operator("{failures: many}", "millrace.test.flaky"), '6 Incorrect type. Expected "integer".'],
  [operator("{duration: 0}", "millrace.test.sleep"), "6 Value is below the exclusive minimum of 0."],
  [operator("{url: x, method: FETCH}", "http"), `6 Value is not accepted. Valid values: ${methods}.`],
  [operator("{url: x, follow_redirects: 3}", "http"), '6 Incorrect type. Expected "boolean".'],
  [operator("{url: x, auth: {type: basic, user: a, password: b}}", "http"), "6 Property user is not allowed."],
  [
    operator("{url: x, auth: {type: basc, username: a}}", "http"),
    '6 Value is not accepted. Valid values: "basic", "bearer".',
  ],
  [operator("{url: x, auth: {username: a}}", "http"), '6 Missing property "type".'],
  [dag("on_failure: ops@example.com"), "2 must be an address that begins with http:// or https://, or a task"],
  [dag("on_failure: [a]"), "2 Incorrect type. Expected one of string, object."],
  [dag("on_failure: {type: noop, operator: {}, trigger_rule: always}"), "2 Property trigger_rule is not allowed."],
  [task("on_success: {type: noop}"), '5 Missing property "operator".'],
  [task("on_success: {type: slack, operator: {connection: a, txt: b}}"), "5 Property txt is not allowed."],
  [task("on_success: {type: slack, operator: {}}"), '5 Missing property "connection".'],
  [task("on_success: {type: bash, operator: {bash_comand: ls}}"), "5 Property bash_comand is not allowed."],
  [operator("bash_command: ls", "noop"), "6 Property bash_command is not allowed."],
];

const templateMistakes: readonly (readonly [text: string, diagnostic: string])[] = [
  ["template: {nam: x}\ndag: {}\n", "1 Property nam is not allowed."],
  ["template: {name: a b}\ndag: {}\n", "1 must be 1 to 200 letters, digits, `_`, `.` or `-`"],
  ["template: {name: a, tests: [{parameter: {}}]}\ndag: {}\n", "1 Property parameter is not allowed."],
  ["from_template: {name: a}\nschedule: x\n", "2 Property schedule is not allowed."],
  ["from_template: {name: a, parameters: [1]}\n", '1 Incorrect type. Expected "object".'],
];

describe("an editor with the schema", () => {
  test.each(templateMistakes)("%j has one mistake: %s", async (text, diagnostic) => {
    expect(await diagnosticsOf(text)).toEqual([diagnostic]);
    expect(readDefinitionDocuments(text, "x").problems).not.toEqual([]);
  });

  test.each(mistakes)("%j has one mistake: %s", async (text, diagnostic) => {
    expect(await diagnosticsOf(text)).toEqual([diagnostic]);
    expect(isRefused(text)).toBe(true);
  });

  test("names the kinds of work where it knows none of the name, and nothing else", async () => {
    const [only, ...others] = await diagnosticsOf(operator("anything: 1", "bsh"));
    expect(only).toMatch(/^4 Value is not accepted\. Valid values: "bash", "python"/);
    expect(others).toEqual([]);
  });

  test.each(readdirSync(examples, { recursive: true, encoding: "utf8" }).filter(isDefinition))(
    "finds nothing wrong with %s",
    async (file) => {
      expect(await diagnosticsOf(readFileSync(join(examples, file), "utf8"))).toEqual([]);
    },
  );

  test.each([
    dag("schedule:"),
    dag("schedule: ['@daily', {every: 15m}]"),
    dag(
      "parameters: {a: {type: person, name: Ada}, b: {default: {type: string}}, c: [1], d:, e: {type: array, items: {type: string, enum: [a]}}}",
    ),
    task("for_each: {items: params.x, key: item, limit: 10}"),
    task("when: false"),
    dag("on_success: https://example.com/done"),
    task('on_failure: "{{ secrets.address }}"'),
    task("on_failure: {type: slack, operator: {connection: team}}"),
    task("on_failure: {type: email, operator: {connection: mail, to: a@example.com}, retries: 2}"),
    task("dependencies: []"),
    task("timeout: PT1H30M"),
    task('environment: {A: 1, B: true, C: "{{ params.x }}"}'),
    operator('{duration: "{{ params.x }}"}', "millrace.test.sleep"),
    operator("{duration: 1.5}", "millrace.test.sleep"),
    operator('{failures: "{{ params.x }}"}', "millrace.test.flaky"),
    operator('{url: x, method: "{{ params.m }}", follow_redirects: "{{ params.f }}", body: {a: [1]}}', "http"),
  ])("finds nothing wrong with %j", async (text) => {
    expect(await diagnosticsOf(text)).toEqual([]);
    expect(isRefused(text)).toBe(false);
  });

  test.each([
    ["    ", ["operator", "dependencies", "for_each", "retry"]],
    ["    operator:\n      ", ["bash_command", "script", "working_directory"]],
    ["    trigger_rule: ", ["all_done", "one_failed"]],
  ])("offers what fits after %j", async (line, expected) => {
    const text = `id: x\ntasks:\n  - id: a\n    type: bash\n${line}\n`;
    const document = documentOf(text);
    const { items } = await service.doComplete(document, document.positionAt(text.length - 1), false);
    expect(items.map(({ label }) => label)).toEqual(expect.arrayContaining(expected));
  });
});

test("the schema is a good one of draft-07, and any validator agrees on the examples", () => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  const validate = ajv.compile(schema as JsonObject & { $id?: string });
  for (const file of readdirSync(examples, { recursive: true, encoding: "utf8" }).filter(isDefinition)) {
    validate(parse(readFileSync(join(examples, file), "utf8")));
    expect({ file, errors: validate.errors }).toEqual({ file, errors: null });
  }
});

function isDefinition(file: string): boolean {
  return file.endsWith(".yaml") && !file.endsWith(".test.yaml");
}

test("the schema that is shipped and served is this one", () => {
  const shipped = readFileSync(join(import.meta.dirname, "../../gen/schemas/dag.json"), "utf8");
  expect(JSON.parse(shipped), "not up to date, run npm run gen").toEqual(schema);
});
