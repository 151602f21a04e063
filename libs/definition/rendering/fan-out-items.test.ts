import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { compileDefinition } from "./compile-definition.ts";
import { evaluateItems, type FanOutItem } from "./fan-out-items.ts";
import type { JsonObject } from "../model.ts";
import { parseDefinition } from "../parse-definition.ts";
import { planOf } from "../plan-of.ts";
import { plainContext } from "./plain-context.testsuite.ts";
import type { RenderContext } from "./render-context.ts";
import { renderTask } from "./render-task.ts";

const operators: OperatorSchemas = new Map([
  [
    "work",
    {
      fields: z.strictObject({ command: z.string().optional(), value: z.unknown().optional() }),
      code: { command: "shell" as const },
      description: "",
    },
  ],
]);

/** A task `each` with these lines, after `list`; parameters `names` (a list), `n` (a number) and `any`. */
function parse(...lines: string[]) {
  const text = [
    "id: x",
    "parameters: {names: {type: array, default: []}, n: {type: integer, default: 1}, any: 1}",
    "tasks:",
    "  list: {type: work, operator: {}}",
    "  each:",
    "    type: work",
    "    dependencies: [list]",
    ...lines.map((line) => `    ${line}`),
    ...(lines.some((line) => line.startsWith("operator:")) ? [] : ["    operator: {}"]),
  ].join("\n");
  return parseDefinition(text, { file: "x", operators, maxTaskTimeoutMs: 1000 });
}

function problemsOf(...lines: string[]): string[] {
  return parse(...lines).problems.map(
    ({ line, column, code, message, hint }) => `${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

function compile(...lines: string[]) {
  const { definition, problems } = parse(...lines);
  if (definition === null) throw new Error(JSON.stringify(problems));
  // As it comes from the database.
  return compileDefinition(JSON.parse(JSON.stringify(definition)), operators);
}

function contextWith(params: JsonObject, more: Partial<RenderContext> = {}): RenderContext {
  return plainContext(params, {
    outputs: (task) => (task === "list" ? { files: [{ name: "a", n: 1 }, { name: "b" }] } : undefined),
    ...more,
  });
}

function itemsOf(forEach: string, params: JsonObject = {}): readonly FanOutItem[] | null {
  return evaluateItems(compile(`for_each: ${forEach}`), 1, contextWith(params));
}

function messageOf(forEach: string, params: JsonObject = {}): string {
  try {
    itemsOf(forEach, params);
  } catch (error) {
    if (error instanceof AppError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "";
}

describe("the key `for_each`", () => {
  test.each([
    ["for_each: params.names", { items: "params.names", key: null, limit: 1000 }],
    ['for_each: "{{ params.names }}"', { items: "params.names", key: null, limit: 1000 }],
    [
      'for_each: {items: "outputs.list.files", key: item.name, limit: 5}',
      { items: "outputs.list.files", key: "item.name", limit: 5 },
    ],
  ])("%s", (line, forEach) => {
    const { definition, problems } = parse(line);
    expect(problems).toEqual([]);
    expect(definition?.tasks[1]?.forEach).toEqual(forEach);
    expect(definition === null ? [] : planOf(definition).tasks.map(({ evaluated }) => evaluated)).toEqual([
      false,
      true,
    ]);
  });

  test.each([
    ["for_each: params.n", "8:15 EXPRESSION_TYPE `for_each` gives 1, not a list"],
    [
      "for_each: [eu, us]",
      "8:15 INVALID_TYPE `for_each` can't be a list (write the list as an expression: \"['eu', 'us']\")",
    ],
    ["for_each: {item: params.names}", "8:15 MISSING_KEY `for_each.items` is required"],
    ["for_each: {items: params.names, limit: 0}", "8:44 OUT_OF_RANGE `for_each.limit` must be at least 1"],
    ["for_each: {items: params.names, limit: 10001}", "8:44 OUT_OF_RANGE `for_each.limit` must be at most 10000"],
    [
      "for_each: {items: params.names, key: itm}",
      "8:42 UNKNOWN_NAME the name `itm` is not known (did you mean `item`?)",
    ],
    ["for_each: outputs.lst.files", "8:15 UNKNOWN_TASK there is no task `lst` (did you mean `list`?)"],
    ["for_each: outputs.each.files", "8:15 SELF_REFERENCE the task `each` reads its own output"],
    ["for_each: '[now]'", "8:17 UNKNOWN_NAME `now` can't be read in `for_each`"],
    ["for_each: '[run.start_date]'", "8:17 UNKNOWN_NAME `run.start_date` can't be read in `for_each`"],
    [
      "for_each: item",
      "8:15 UNKNOWN_NAME `item` can't be read in `for_each` (it exists in `operator` and `environment` of a task with `for_each`)",
    ],
  ])("%s", (line, problem) => {
    expect(problemsOf(line)).toContain(problem);
  });

  test("`item` and `item_index` exist in operator and environment of such a task, and nowhere else", () => {
    const reading = 'environment: {A: "{{ item.any.field }} {{ item_index + 1 }}"}';
    expect(problemsOf("for_each: params.names", reading)).toEqual([]);
    expect(problemsOf("for_each: params.names", 'parameters: {n: "{{ item }}"}')).toHaveLength(1);
    expect(problemsOf("for_each: params.names", "when: item == 1")).toHaveLength(1);
    expect(problemsOf(reading)).toEqual([
      "8:26 UNKNOWN_NAME `item` can't be read here (it exists in `operator` and `environment` of a task with `for_each`)",
      "8:47 UNKNOWN_NAME `item_index` can't be read here (it exists in `operator` and `environment` of a task with `for_each`)",
    ]);
    expect(problemsOf('environment: {A: "{{ params.names.map(item, item + 1) }}"}')).toEqual([]);
  });
});

describe("the items", () => {
  test("are the elements, named by their places or by a key", () => {
    expect(itemsOf("params.names", { names: ["x", null] })).toEqual([
      { key: "0", value: "x" },
      { key: "1", value: null },
    ]);
    expect(itemsOf("{items: outputs.list.files, key: item.name}")).toMatchObject([{ key: "a" }, { key: "b" }]);
    expect(itemsOf("{items: params.names, key: \"'no' + string(item_index)\"}", { names: [7] })).toEqual([
      { key: "no0", value: 7 },
    ]);
    expect(itemsOf("params.names", { names: [] })).toEqual([]);
    expect(evaluateItems(compile("for_each: params.names"), 0, contextWith({}))).toBeNull();
  });

  test("see the task's own parameters", () => {
    const compiled = compile("for_each: params.names", "parameters: {names: [1, 2]}");
    expect(evaluateItems(compiled, 1, contextWith({ names: [] }))).toHaveLength(2);
  });

  test.each([
    [
      "params.any",
      { any: "[1]" },
      'EXPRESSION_FAILED `for_each: params.any` must give a list, not the text "[1]" (a task leaves a list when it writes its outputs as JSON)',
    ],
    ["params.any", { any: { a: 1 } }, "EXPRESSION_FAILED `for_each: params.any` must give a list, not a map"],
    ["params.any", {}, "VALUE_MISSING the parameter `any` is not set, but {{ params.any }} needs it"],
    [
      "{items: params.any, limit: 1}",
      { any: [1, 2] },
      "EXPRESSION_FAILED `for_each: params.any` gives 2 items, more than its `limit` of 1",
    ],
    [
      "{items: params.any, key: item}",
      { any: ["a", "b c"] },
      'EXPRESSION_FAILED `for_each: params.any` gives item 1 a key that can\'t be used, the text "b c": it has 1 to 100 letters, digits, `_`, `.` or `-`',
    ],
    [
      "{items: params.any, key: item}",
      { any: ["a", "b", "a"] },
      "EXPRESSION_FAILED `for_each: params.any` gives the key a to the items 0 and 2",
    ],
    ["{items: params.any, key: item.k}", { any: [{}] }, "VALUE_MISSING {{ item.k }} reads a key that is not there"],
    ["outputs.list.fils", {}, "VALUE_MISSING the task `list` left no output `fils`; it left files"],
  ])("%s of %j", (forEach, params, message) => {
    expect(messageOf(forEach, params)).toBe(message);
  });
});

test("an item is rendered with its element; in shell code it stays beside the code", () => {
  const compiled = compile(
    "for_each: params.names",
    'operator: {command: "echo {{ item }} {{ item_index }}", value: "{{ item }}"}',
  );
  const item = { value: "a'b", index: 4 };
  expect(renderTask(compiled, 1, contextWith({ names: [] }, { item }))).toMatchObject({
    operator: { command: 'echo "${MILLRACE_VALUE_1}" "${MILLRACE_VALUE_2}"', value: "a'b" },
    values: { MILLRACE_VALUE_1: "a'b", MILLRACE_VALUE_2: "4" },
  });
});
