import { describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { checkAnswers, readForm } from "./rendering/form-answers.ts";
import { readTexts } from "./parsed-text.testsuite.ts";
import { planOf } from "./plan-of.ts";

const fields = z.strictObject({ form: z.record(z.string(), z.unknown()).optional(), text: z.string().optional() });
const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }],
  ["ask", { fields, code: {}, description: "waits", runsIn: "executor" as const, forms: ["form"] }],
]);

const { problemsOf, definitionOf } = readTexts(operators, 3_600_000);

describe("a task that needs no worker", () => {
  test("waits as long as it takes, whatever the server's limit, and for no worker", () => {
    const definition = definitionOf(`{id: x, default_task_config: {queue_timeout: 1m}, tasks: [
      {id: a, type: ask, operator: {}},
      {id: b, type: ask, timeout: 30d, operator: {}},
      {id: c, type: noop, operator: {}}]}`);
    const [a, b, c] = planOf(definition).tasks;
    expect(a).toMatchObject({ waits: { timeoutMs: null }, queueTimeoutMs: null });
    expect(b).toMatchObject({ waits: { timeoutMs: 30 * 24 * 3_600_000 } });
    expect(c).toMatchObject({ queueTimeoutMs: 60_000 });
    expect(c).not.toHaveProperty("waits");
  });

  test("reads no secrets: no worker has them for it", () => {
    const text = "id: x\ntasks:\n  - {id: a, type: ask, operator: {text: '{{ secrets.key }}'}}\n";
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^3:\d+ UNKNOWN_NAME `secrets` can't be read in a task that has no worker/),
    ]);
  });

  test("has a form whose fields are checked as parameters are", () => {
    const form = "{n: {type: integer, minimum: 9, maximum: 1}, 1x: a}";
    expect(problemsOf(`id: x\ntasks:\n  - {id: a, type: ask, operator: {form: ${form}}}\n`)).toEqual([
      expect.stringContaining("INVALID_PARAMETER `maximum` is below `minimum`"),
      expect.stringContaining("INVALID_ID the parameter name"),
    ]);
  });
});

describe("answers", () => {
  const form = readForm({
    n: { type: "integer", required: true, maximum: 9 },
    note: { type: "string", default: "none" },
  });

  test("are given values and defaults", () => {
    expect(checkAnswers(form, { n: 3 })).toEqual({ n: 3, note: "none" });
    expect(checkAnswers(form, { n: 3, note: "x" })).toEqual({ n: 3, note: "x" });
  });

  test("that break rules are named, all of them", () => {
    let thrown: unknown = null;
    try {
      checkAnswers(form, { note: 1, constructor: true });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AppError);
    expect(thrown).toMatchObject({
      code: "INVALID_ANSWERS",
      details: {
        violations: [
          { field: "n", rule: "required" },
          { field: "note", rule: "type" },
          { field: "constructor", rule: "unknown_field" },
        ],
      },
    });
  });

  test("are not asked for by a form that an expression made of something else", () => {
    expect(() => readForm("x")).toThrow("`form` must be a map");
    expect(() => readForm({ n: { type: "integer", default: "x" } })).toThrow("`form.n.default`");
  });
});

test("a deadline has its action, which is to notify by default", () => {
  const text = (deadline: string): string =>
    `{id: x, deadline: ${deadline}, tasks: [{id: a, type: noop, operator: {}}]}`;
  expect(planOf(definitionOf(text("{after: 2h}"))).deadline).toEqual({ afterMs: 7_200_000, action: "notify" });
  expect(planOf(definitionOf(text("{after: 1m, action: cancel}"))).deadline).toMatchObject({ action: "cancel" });
  expect(problemsOf(text("{after: 0s}"))).toHaveLength(1);
  expect(problemsOf(text("{action: cancel}"))).toEqual([
    expect.stringContaining("MISSING_KEY `deadline.after` is required"),
  ]);
  expect(planOf(definitionOf("{id: x, tasks: [{id: a, type: noop, operator: {}}]}"))).not.toHaveProperty("deadline");
});
