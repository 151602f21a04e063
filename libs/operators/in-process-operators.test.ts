import { expect, test } from "vitest";
import type { OperatorResult } from "./operator.ts";
import { createTestContext } from "./operator-context.testsuite.ts";
import { findOperator } from "./registry.ts";

function execute(
  type: string,
  options: { config?: Record<string, unknown>; tryNumber?: number; signal?: AbortSignal } = {},
): Promise<OperatorResult> {
  const operator = findOperator(type);
  if (operator === undefined) throw new Error(`no operator ${type}`);
  const { config = {}, tryNumber = 1, ...rest } = options;
  const { attempt } = createTestContext();
  return operator.execute(createTestContext({ config, attempt: { ...attempt, tryNumber }, ...rest }));
}

test("operators without a process run in the worker's own", () => {
  const types = ["noop", "millrace.test.fail", "millrace.test.sleep", "millrace.test.flaky"];

  expect(types.map((type) => findOperator(type)?.inProcess)).toEqual([true, true, true, true]);
  expect([findOperator("bash")?.inProcess, findOperator("python")?.inProcess]).toEqual([false, false]);
});

test("noop succeeds", async () => {
  expect(await execute("noop")).toEqual({ kind: "success" });
});

test("fail always fails, with the given message", async () => {
  expect(await execute("millrace.test.fail")).toMatchObject({ kind: "failed", message: "failed on purpose" });
  expect(await execute("millrace.test.fail", { config: { message: "no" } })).toMatchObject({ message: "no" });
});

test("flaky fails in its first tries and then succeeds", async () => {
  const results = await Promise.all(
    [1, 2, 3].map((tryNumber) => execute("millrace.test.flaky", { config: { failures: 2 }, tryNumber })),
  );

  expect(results.map(({ kind }) => kind)).toEqual(["failed", "failed", "success"]);
});

test("a rendered value that does not fit is a configuration error", async () => {
  expect(await execute("millrace.test.flaky", { config: { failures: "x" } })).toMatchObject({ code: "configuration" });
  expect(await execute("millrace.test.sleep", { config: { duration: "x" } })).toMatchObject({ code: "configuration" });
});

test("sleep ends after its duration, and at once when it is stopped", async () => {
  expect(await execute("millrace.test.sleep", { config: { duration: 0.005 } })).toEqual({ kind: "success" });

  const controller = new AbortController();
  const sleeping = execute("millrace.test.sleep", { signal: controller.signal });
  controller.abort();

  await expect(sleeping).rejects.toThrow("aborted");
});
