import { expect, test } from "vitest";
import { logging } from "#middleware/logging.ts";
import { recovery } from "#middleware/recovery.ts";
import { retry } from "#middleware/retry.ts";
import { createFunctionOperator } from "./function-operator.ts";
import type { OperatorMiddleware, PlacedMiddleware } from "./middleware-context.ts";
import { bashOperator } from "./bash-operator.ts";
import type { Operator, ProcessResult, StartProcess } from "./operator.ts";
import { createTestContext } from "./operator-context.testsuite.ts";
import { withMiddlewares } from "./operator-middleware.ts";
import type { FunctionHandler } from "./task-context.ts";

const endedWell: ProcessResult = {
  exitCode: 0,
  signal: null,
  lastStdoutLine: "",
  stderrTail: "",
  stoppedBy: null,
  breach: null,
  failure: null,
};
const everywhere = (middleware: OperatorMiddleware): PlacedMiddleware => ({ type: null, middleware });

function run(handler: FunctionHandler, placed: readonly PlacedMiddleware[], log: (text: string) => void = () => {}) {
  const operator = withMiddlewares(createFunctionOperator("f", handler), placed);
  return operator.execute(createTestContext({ log: (_, text) => log(text) }));
}

test("those for all kinds of work are outside, those for others are left out", async () => {
  const order: string[] = [];
  const note =
    (name: string): OperatorMiddleware =>
    async ({ next, operatorType }) => {
      order.push(`${name} of ${operatorType}`);
      await next();
      order.push(`${name} done`);
    };

  const result = await run(
    () => order.push("handler"),
    [
      { type: "function", middleware: note("own") },
      { type: "bash", middleware: note("other") },
      everywhere(note("all")),
      { type: "function:f", middleware: note("handler's") },
    ],
  );

  expect(order).toEqual([
    ...["all of function:f", "own of function:f", "handler's of function:f", "handler"],
    ...["handler's done", "own done", "all done"],
  ]);
  expect(result).toEqual({ kind: "success", outputs: { return_value: 4 } });
});

test("an operator without any stays as it is", () => {
  const operator = createFunctionOperator("f", () => undefined);

  expect(withMiddlewares(operator, [{ type: "bash", middleware: ({ next }) => next() }])).toBe(operator);
});

test("no process is the last of its attempt within middlewares, which may repeat the work", async () => {
  const seen: (boolean | undefined)[] = [];
  const startProcess: StartProcess = ({ isLast }) => {
    seen.push(isLast);
    return Promise.resolve({ ...endedWell, exitCode: seen.length === 1 ? 1 : 0 });
  };
  const context = createTestContext({ config: { bash_command: "true" }, workingDirectory: "/", startProcess });

  expect(await bashOperator.execute(context)).toMatchObject({ kind: "failed" });
  const within = withMiddlewares(bashOperator, [everywhere(retry({ maxRetries: 1 }))]);
  expect(await within.execute(context)).toMatchObject({ kind: "success" });

  expect(seen).toEqual([true, false]);
});

test("a failure keeps its code through the chain", async () => {
  const failed = { kind: "failed", code: "exit_code", message: "exit code 3", exitCode: 3, retryable: false } as const;
  const operator: Operator = { type: "x", inProcess: true, execute: () => Promise.resolve(failed) };

  const within = withMiddlewares(operator, [everywhere(recovery()), everywhere(({ next }) => next())]);

  expect(await within.execute(createTestContext())).toEqual(failed);
});

test("the engine's middlewares fit: they log, repeat and recover", async () => {
  const lines: string[] = [];
  let tries = 0;
  const result = await run(
    () => {
      tries += 1;
      throw new Error(`no ${tries}`);
    },
    [everywhere(logging()), everywhere(recovery(() => "plan B")), everywhere(retry({ maxRetries: 2 }))],
    (text) => lines.push(text),
  );

  expect(result).toEqual({ kind: "success", outputs: { return_value: "plan B" } });
  expect(tries).toBe(3);
  expect(lines[0]).toBe("task started");
  expect(lines.at(-1)).toContain("task succeeded");
});

test("a middleware that throws fails the attempt, one that does not call next() keeps the handler from running", async () => {
  let hasRun = false;
  const handler = (): void => {
    hasRun = true;
  };
  const refuse: OperatorMiddleware = () => {
    throw Object.assign(new Error("not on Sundays"), { retryable: false });
  };

  expect(await run(handler, [everywhere(refuse)])).toMatchObject({
    kind: "failed",
    message: "Error: not on Sundays",
    retryable: false,
  });
  expect(await run(handler, [everywhere(({ setResult }) => setResult("cached"))])).toEqual({
    kind: "success",
    outputs: { return_value: "cached" },
  });
  expect(hasRun).toBe(false);
});

test("a skip passes through", async () => {
  const skip = (): never => {
    throw Object.assign(new Error("nothing to do"), { name: "SkipTask" });
  };

  expect(await run(skip, [everywhere(recovery(() => "saved"))])).toEqual({ kind: "skipped" });
});
