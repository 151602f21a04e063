import fc from "fast-check";
import { expect, test } from "vitest";
import { createFunctionOperator, functionSchema } from "./function-operator.ts";
import type { OperatorContext } from "./operator.ts";
import { createTestContext } from "./operator-context.testsuite.ts";
import type { FunctionHandler } from "./task-context.ts";

interface Line {
  readonly source: string;
  readonly text: string;
}

async function call(handler: FunctionHandler, overrides: Partial<OperatorContext> = {}) {
  const lines: Line[] = [];
  const log = (source: string, text: string): void => void lines.push({ source, text });
  const result = await createFunctionOperator("f", handler).execute(createTestContext({ log, ...overrides }));
  return { result, lines };
}

test("a handler sees its arguments and its attempt", async () => {
  const config = { handler: "f", arguments: { to: "ada", n: 3 } };
  const { result } = await call(
    ({ arguments: given, taskId, runId, dagId, tryNumber, maxTries, logicalDate, idempotencyKey, parameters }) => [
      ...[given, taskId, runId, dagId, tryNumber, maxTries, logicalDate, idempotencyKey, parameters],
    ],
    { config, parameters: { p: 1 } },
  );

  const seen = [{ to: "ada", n: 3 }, "t", "r", "d", 1, 9, "2026-01-01T00:00:00Z", "r/t/1.1", { p: 1 }];
  expect(result).toEqual({ kind: "success", outputs: { return_value: seen } });
});

test("any JSON that is returned is the output, also later", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (value, isLater) => {
      const { result } = await call(() => (isLater ? Promise.resolve(value) : value));
      const expected: unknown = JSON.parse(JSON.stringify(value));
      expect(result).toEqual({ kind: "success", outputs: { return_value: expected } });
    }),
  );
});

test("nothing returned is no output; a date is text", async () => {
  expect((await call(() => undefined)).result).toEqual({ kind: "success" });
  const { result } = await call(() => new Date(0));
  expect(result).toMatchObject({ outputs: { return_value: "1970-01-01T00:00:00.000Z" } });
});

test.each([
  ["a function", String, "has no JSON form"],
  ["a bigint", 1n, "has no JSON form"],
  ["too much", "x".repeat(1024 * 1024), "at most 1048576 are kept"],
])("%s is no output", async (_, value, message) => {
  const { result } = await call(() => value);
  expect(result).toMatchObject({ kind: "failed", code: "invalid_output", message: expect.stringContaining(message) });
});

test("a value that refers to itself is refused, and the worker goes on", async () => {
  const { result } = await call(() => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    return loop;
  });

  expect(result).toMatchObject({ kind: "failed", code: "invalid_output" });
});

test("what is thrown fails the attempt, its stack is in the log", async () => {
  const { result, lines } = await call(() => {
    throw new TypeError("no such customer");
  });

  expect(result).toEqual({ kind: "failed", code: "failed", message: "TypeError: no such customer" });
  expect(lines[0]).toEqual({ source: "stderr", text: "error: TypeError: no such customer" });
  expect(lines[1]?.text).toContain("function-operator.test.ts");
});

test.each([
  [Object.assign(new Error("x"), { retryable: false }), { kind: "failed", retryable: false }],
  [Object.assign(new Error("x"), { retryAfterMs: 50 }), { kind: "failed", retryAfterMs: 50 }],
  ["just text", { kind: "failed", message: "it threw 'just text'" }],
  [undefined, { kind: "failed", message: "it threw undefined" }],
  [Object.assign(new Error("not today"), { name: "SkipTask" }), { kind: "skipped" }],
])("what is thrown says what becomes of it: %s", async (thrown: unknown, expected) => {
  const { result } = await call(() => {
    throw thrown;
  });

  expect(result).toMatchObject(expected);
});

test("log lines have their level, their fields, and limits", async () => {
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  const { lines } = await call(({ logger }) => {
    logger.info("sent", { to: "ada" });
    logger.warn("slow");
    logger.error("no", loop);
    for (let line = 0; line < 200; line += 1) logger.info("x".repeat(100_000));
  });

  expect(lines.slice(0, 2)).toEqual([
    { source: "stdout", text: 'sent {"to":"ada"}' },
    { source: "stderr", text: "warning: slow" },
  ]);
  expect(lines[2]?.text).toContain("without a JSON form");
  expect(lines.at(-1)).toEqual({
    source: "system",
    text: "the attempt has logged 8 MiB; what follows is left out",
  });
  expect(lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(9 * 1024 * 1024);
});

test("its fields are a handler's name and a map", () => {
  const isValid = (fields: unknown): boolean => functionSchema.fields.safeParse(fields).success;

  expect([{ handler: "send_email" }, { handler: "a.b-c", arguments: { x: [1, { y: null }] } }].map(isValid)).toEqual([
    true,
    true,
  ]);
  expect([{}, { handler: "{{ params.x }}" }, { handler: "1" }, { handler: "f", arguments: [] }].map(isValid)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
