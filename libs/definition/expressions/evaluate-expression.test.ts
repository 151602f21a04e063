import { describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { evaluateToJson, evaluateToText } from "./evaluate-expression.ts";
import { compileExpression } from "./expression.ts";
import type { JsonObject } from "../model.ts";
import type { RenderContext } from "../rendering/render-context.ts";

const outputs: Readonly<Record<string, JsonObject>> = {
  extract: { path: "/data/x.csv", rows: 3, list: [1, 2, 3], empty: null, nested: { key: "v" } },
  "two-words": { key: "hyphen" },
};

const context: RenderContext = {
  params: {
    name: "Ada",
    count: 3,
    ratio: 2,
    flag: true,
    nothing: null,
    map: { a: 1 },
    days: ["mon", "tue"],
    date: "2026-03-01",
    "with-hyphen": 1,
  },
  logicalAt: Date.parse("2026-01-31T23:30:00Z"),
  intervalStartAt: Date.parse("2026-01-30T23:30:00Z"),
  intervalEndAt: Date.parse("2026-01-31T23:30:00Z"),
  now: Date.parse("2026-02-01T08:00:00.250Z"),
  timezone: "Europe/Berlin",
  run: { dag_run_id: "dag__1", dag_id: "dag", run_type: "manual", start_date: "2026-02-01T07:59:59Z" },
  taskInstance: { task_id: "load", try_number: 2, max_tries: 4 },
  outputs: (task) => (Object.hasOwn(outputs, task) ? outputs[task] : undefined),
  tempDir: "/tmp/attempt",
};

function evaluate(body: string, as: "json" | "text" = "json"): unknown {
  const { expression, issues } = compileExpression(body);
  if (expression === null) throw new Error(issues.map((issue) => issue.message).join("; "));
  const scope = { context, doubles: new Set(["ratio"]) };
  return as === "json" ? evaluateToJson(expression, scope) : evaluateToText(expression, scope);
}

function errorOf(body: string): { code: string; message: string } {
  try {
    evaluate(body);
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("it does not fail");
}

describe("values", () => {
  test.each([
    ["params.name", "Ada"],
    [" params.count ", 3],
    ["params.nothing", null],
    ["params", context.params],
    ['params["with-hyphen"]', 1],
    ["params.map.a", 1],
    ["params.days[1]", "tue"],
    ["outputs.extract.path", "/data/x.csv"],
    ["upstream.extract.rows", 3],
    ['outputs["two-words"].key', "hyphen"],
    ["outputs.extract.nested.key", "v"],
    ["xcom_pull('extract', 'rows')", 3],
    ["xcom_pull(task_ids='extract', key='rows') + 1", 4],
    ['task_instance.xcom_pull(key="rows", task_ids="extract")', 3],
    ["run.dag_run_id", "dag__1"],
    ["run.start_date", "2026-02-01T07:59:59Z"],
    ["task_instance.try_number", 2],
    ["temp_dir", "/tmp/attempt"],
    ["execution_date", "2026-02-01"],
    ["data_interval_start", "2026-01-31"],
    ["data_interval_end | iso", "2026-01-31T23:30:00Z"],
    ["now", "2026-02-01T08:00:00.250Z"],
    ["now - duration('1h')", "2026-02-01T07:00:00.250Z"],
    ["execution_date - duration('24h')", "2026-01-31"],
    ["[execution_date]", ["2026-01-31T23:30:00Z"]],
    ["execution_date < now", true],
  ])("%s", (body, value) => {
    expect(evaluate(body)).toEqual(value);
  });
});

describe("CEL", () => {
  test.each([
    ["params.count + 1", 4],
    ["params.count / 2", 1],
    ["params.ratio / 4", 0.5],
    ["params.ratio + 1", 3],
    ["params.count * 1.5", 4.5],
    ["params.name + '!'", "Ada!"],
    ["params.count > 2 && params.flag", true],
    ["params.flag ? 'yes' : 'no'", "yes"],
    ["size(params.days)", 2],
    ["params.days.map(d, d + '!')", ["mon!", "tue!"]],
    ["outputs.extract.list.filter(n, n > params.count - 1)", [3]],
    ["params.days.exists(d, d == 'mon')", true],
    ["'mon' in params.days", true],
    ["has(params.name)", true],
    ["has(params.missing)", false],
    ["has(outputs.extract.missing)", false],
    ["{'a': [1, params.count]}", { a: [1, 3] }],
    ["params.name.matches('^A')", true],
    ["'a,b'.split(',')", ["a", "b"]],
    ["string(execution_date)", "2026-01-31T23:30:00Z"],
    ["duration('90s')", "90s"],
    ["'|'", "|"],
    ["params.flag || false", true],
    ["r'\\d|x'", "\\d|x"],
    ["'}}'", "}}"],
  ])("%s", (body, value) => {
    expect(evaluate(body)).toEqual(value);
  });
});

describe("filters", () => {
  test.each([
    ["params.missing | default('x')", "x"],
    ["params.missing | default 'x'", "x"],
    ["params.missing | upper | default('x') | upper", "X"],
    ["params.nothing | default(1 + 1)", 2],
    ["params.missing | default(params.name)", "Ada"],
    ["params.name | default('x')", "Ada"],
    ["outputs.gone.key | default([])", []],
    ["params.days[7] | default('none')", "none"],
    ["params.map.b.c | default(0)", 0],
    ["params.map | json", '{"a":1}'],
    ["execution_date | ds", "2026-02-01"],
    ["execution_date | ds_nodash", "20260201"],
    ["execution_date | date('%d.%m.%Y %H:%M %z')", "01.02.2026 00:30 +0100"],
    ["execution_date | date('%H:%M', 'America/New_York')", "18:30"],
    ["execution_date | date '%j'", "032"],
    ["params.date | ds_nodash", "20260301"],
    ["now | ds", "2026-02-01"],
    ["'2026-01-01T00:00:00+02:00' | iso", "2025-12-31T22:00:00Z"],
    ["params.name | upper", "ADA"],
    ["params.name | lower", "ada"],
    ["params.name | replace('a', '$&')", "Ad$&"],
    ["params.days | join", "mon,tue"],
    ["params.days | join(' | ')", "mon | tue"],
    ["params.days | length", 2],
    ["'añ🎈' | length", 3],
    ["params.map | length", 1],
    ["'abc' | sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["'a\"b' | ident", '"a""b"'],
    ["'it\\'s' | q", "'it'\\''s'"],
    ["params.name | raw", "Ada"],
  ])("%s", (body, value) => {
    expect(evaluate(body)).toEqual(value);
  });
});

describe("in longer text", () => {
  test.each([
    ["params.days", '["mon","tue"]'],
    ["params.map", '{"a":1}'],
    ["params.nothing", ""],
    ["params.flag", "true"],
    ["params.ratio", "2"],
    ["execution_date", "2026-02-01"],
  ])("%s", (body, text) => {
    expect(evaluate(body, "text")).toBe(text);
  });
});

describe("failures name what is missing or wrong", () => {
  test.each([
    ["params.missing", "VALUE_MISSING", "the parameter `missing` is not set, but {{ params.missing }} needs it"],
    [
      "params.missing + 1",
      "VALUE_MISSING",
      "the parameter `missing` is not set, but {{ params.missing + 1 }} needs it",
    ],
    [
      "params.missing | upper",
      "VALUE_MISSING",
      "the parameter `missing` is not set, but {{ params.missing | upper }} needs it",
    ],
    [
      "params.missing | default(params.gone)",
      "VALUE_MISSING",
      "the parameter `missing` is not set, but {{ params.missing | default(params.gone) }} needs it",
    ],
    [
      "params.constructor",
      "VALUE_MISSING",
      "the parameter `constructor` is not set, but {{ params.constructor }} needs it",
    ],
    [
      "outputs.extract.missing",
      "VALUE_MISSING",
      "the task `extract` left no output `missing`; it left path, rows, list, empty, nested",
    ],
    ["outputs.gone.key", "VALUE_MISSING", "the task `gone` left no output `key`; it left none"],
    ["params.map.b", "VALUE_MISSING", "{{ params.map.b }} reads a key that is not there"],
    ["params.days[5]", "VALUE_MISSING", "{{ params.days[5] }} reads a key that is not there"],
    ["1 / 0", "EXPRESSION_FAILED", "{{ 1 / 0 }}: int divide by zero"],
    [
      "params.name + 1",
      "EXPRESSION_FAILED",
      "{{ params.name + 1 }}: found no matching overload for '_+_' applied to '(string, int)'",
    ],
    ["params.count | join", "EXPRESSION_FAILED", "{{ params.count | join }}: `join` needs a list"],
    [
      "params.name | ds",
      "EXPRESSION_FAILED",
      "{{ params.name | ds }}: `ds` needs a timestamp, or a date as text such as 2026-01-31 or 2026-01-31T02:00:00Z",
    ],
    [
      "execution_date | date('%Q')",
      "EXPRESSION_FAILED",
      "{{ execution_date | date('%Q') }}: `date` `%Q` is no directive of a date format; use those of strftime, such as %Y-%m-%d",
    ],
    [
      "9223372036854775807",
      "EXPRESSION_FAILED",
      "{{ 9223372036854775807 }}: the result 9223372036854775807 is too large to be kept exactly",
    ],
  ])("%s", (body, code, message) => {
    expect(errorOf(body)).toEqual({ code, message });
  });
});

test("a value that looks like an expression stays what it is", () => {
  const { expression } = compileExpression("params.text | upper");
  const scope = { context: { ...context, params: { text: "{{ params.name }}" } }, doubles: new Set<string>() };
  expect(expression && evaluateToJson(expression, scope)).toBe("{{ PARAMS.NAME }}");
});
