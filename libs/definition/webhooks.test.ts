import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { evaluateWebhook, type WebhookOutcome } from "./rendering/evaluate-webhook.ts";
import type { Definition, Json } from "./model.ts";
import { parseDefinition } from "./parse-definition.ts";

const operators: OperatorSchemas = new Map([["noop", { fields: z.strictObject({}), code: {}, description: "" }]]);

/** A definition with these webhooks from line 3 on. */
function parse(lines: readonly string[], more = "parameters: {user: none, n: {type: integer}}") {
  const text = [
    "id: x",
    more,
    "webhooks:",
    ...lines.map((line) => `  ${line}`),
    "tasks: {a: {type: noop, operator: {}}}",
  ];
  return parseDefinition(text.join("\n"), { file: "x", operators, maxTaskTimeoutMs: 1000 });
}

function problemsOf(...given: Parameters<typeof parse>): readonly string[] {
  return parse(...given).problems.map(
    ({ line, column, code, message, hint, warning }) =>
      `${line}:${column} ${warning ? "warning " : ""}${code} ${message}${hint === "" ? "" : ` (${hint})`}`,
  );
}

function definitionOf(line: string): Definition {
  const { definition, problems } = parse([line]);
  if (definition === null) throw new Error(JSON.stringify(problems));
  return definition;
}

function evaluate(line: string, body: Json, headers: Readonly<Record<string, string>> = {}): WebhookOutcome {
  const definition = definitionOf(line);
  const [webhook] = definition.webhooks ?? [];
  if (webhook === undefined) throw new Error("it has no webhook");
  return evaluateWebhook(definition, webhook, { body, header: (name) => headers[name] ?? null });
}

describe("webhooks of a definition", () => {
  test("have names, a secret, and expressions with or without braces", () => {
    const line =
      '- {name: a.b, secret: hook-key, when: "{{ body.ok }}", parameters: {n: "body.n"}, logical_date: body.at}';
    expect(definitionOf(line).webhooks).toEqual([
      { name: "a.b", secret: "hook-key", when: "body.ok", parameters: { n: "body.n" }, logicalDate: "body.at" },
    ]);
    expect(definitionOf("- {name: a, secret: s}").webhooks).toEqual([
      { name: "a", secret: "s", when: null, parameters: {}, logicalDate: null },
    ]);
    expect(parse(["- {name: a, secret: s}"]).problems).toEqual([]);
  });

  test.each([
    ["- {name: a}", "4:5 MISSING_KEY `webhooks[0].secret` is required"],
    ["- {name: a/b, secret: s}", expect.stringContaining("4:12 INVALID_VALUE")],
    ["- {name: a, secret: 1s}", expect.stringContaining("4:23 INVALID_VALUE")],
    ["- {name: a, secret: s, wehn: x}", expect.stringMatching(/UNKNOWN_KEY.*did you mean `when`/)],
    ["- {name: a, secret: s, parameters: {n: 5}}", expect.stringContaining("INVALID_TYPE")],
  ])("%s is refused", (line, problem) => {
    expect(problemsOf([line])).toEqual([problem]);
  });

  test("of one name in a definition are refused", () => {
    expect(problemsOf(["- {name: a, secret: s}", "- {name: a, secret: s}"])).toEqual([
      "5:12 DUPLICATE_ID there are two webhooks `a` (each webhook has a path of its own)",
    ]);
  });

  test("read the request and nothing of a run, which nobody else reads", () => {
    const read = (text: string) => problemsOf([`- {name: a, secret: s, when: '${text}'}`]);
    expect(read('body.action == "opened" && headers["x-event"] == "pr"')).toEqual([]);
    expect(read("params.user == 1")).toEqual([
      "4:33 UNKNOWN_NAME `params` can't be read in `webhooks` (a webhook reads `body` and `headers`)",
    ]);
    expect(read("now == now")).toHaveLength(2);
    expect(read('headers["X-Event"] == ""')).toEqual([
      '4:33 UNKNOWN_NAME headers have names in lower case (write headers["x-event"])',
    ]);
    expect(read("headers.size() == 1")).toEqual([
      '4:33 UNKNOWN_NAME `headers` needs the name of one header, as text (write headers["x-event"])',
    ]);
    expect(read("body.x == 1 +")).toEqual([expect.stringContaining("EXPRESSION_SYNTAX")]);
    const { problems } = parseDefinition('id: x\ntasks: {a: {type: noop, operator: {}, when: "body.x == 1"}}\n', {
      file: "x",
      operators,
      maxTaskTimeoutMs: 1000,
    });
    expect(problems).toMatchObject([{ code: "UNKNOWN_NAME", hint: "it exists in `webhooks` alone" }]);
  });

  test("warn of parameters that are not declared, which is an error where no others are taken", () => {
    const lines = ["- {name: a, secret: s, parameters: {usr: body.u}}"];
    const finding = "UNDECLARED_PARAMETER the parameter `usr` is not declared (did you mean `user`?)";
    expect(problemsOf(lines)).toEqual([`4:39 warning ${finding}`]);
    const closed = "additional_parameters: false\nparameters: {user: 1}";
    expect(problemsOf(lines, closed)).toEqual([`5:39 ${finding}`]);
  });
});

describe("a request", () => {
  const mapped =
    "- {name: a, secret: s, parameters: {n: \"body.list.size()\", user: \"headers['x-user'] | default('nobody')\"}}";

  test("becomes parameters that keep their types", () => {
    const line = '- {name: a, secret: s, parameters: {user: "body.user", n: "body.n + 1"}}';
    expect(evaluate(line, { user: { id: 7, tags: ["x"] }, n: 1 })).toEqual({
      kind: "trigger",
      parameters: { user: { id: 7, tags: ["x"] }, n: 2 },
      logicalAt: null,
    });
    expect(evaluate(mapped, { list: [1, 2] }, { "x-user": "ada" })).toMatchObject({
      parameters: { n: 2, user: "ada" },
    });
    expect(evaluate(mapped, { list: [] })).toMatchObject({ parameters: { n: 0, user: "nobody" } });
  });

  test("is ignored when `when` is false, or reads what is not there", () => {
    const line = "- {name: a, secret: s, when: \"body.action == 'opened'\"}";
    expect(evaluate(line, { action: "opened" })).toMatchObject({ kind: "trigger" });
    expect(evaluate(line, { action: "closed" })).toEqual({ kind: "ignored", reason: "`when` is false" });
    expect(evaluate(line, { zen: "x" })).toEqual({ kind: "ignored", reason: "`when` reads a key that is not there" });
    expect(evaluate(line, [])).toMatchObject({ kind: "ignored" });
    const odd = "- {name: a, secret: s, when: body.action}";
    expect(() => evaluate(odd, { action: "opened" })).toThrow(/gives "opened", not true or false/);
  });

  test("that lacks what a parameter needs is refused", () => {
    expect(() => evaluate(mapped, {})).toThrow(/reads a key that is not there/);
  });

  test.each<[Json, string]>([
    ["2026-01-31T02:00:00Z", "2026-01-31T02:00:00.000Z"],
    ["2026-01-31T02:00:00.123456+01:00", "2026-01-31T01:00:00.123Z"],
    ["2026-01-31", "2026-01-31T00:00:00.000Z"],
  ])("may bring the run's date: %s", (at, expected) => {
    const outcome = evaluate("- {name: a, secret: s, logical_date: body.at}", { at });
    expect(outcome.kind === "trigger" && new Date(outcome.logicalAt ?? 0).toISOString()).toBe(expected);
  });

  test("may leave the date away where the expression says so", () => {
    const line = "- {name: a, secret: s, logical_date: body.at | default(null)}";
    expect(evaluate(line, {})).toMatchObject({ kind: "trigger", logicalAt: null });
  });

  test.each([5, "soon"])("with %s as the run's date is refused", (at) => {
    expect(() => evaluate("- {name: a, secret: s, logical_date: body.at}", { at })).toThrow(/no time/);
  });
});
