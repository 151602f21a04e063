import { setImmediate } from "node:timers/promises";
import { TimeoutError } from "#middleware/timeout-error.ts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Engine } from "./engine.ts";
import type { EngineLogger, EngineOptions } from "./engine-api.ts";
import type { ExecutionResult } from "./execution-report.ts";
import type { TaskContext, TaskDefinition } from "./task-definition.ts";

const noop = (): void => undefined;
const never = (): Promise<never> => new Promise(() => undefined);

function execute(tasks: readonly TaskDefinition[], options: EngineOptions = {}): Promise<ExecutionResult> {
  const engine = new Engine(options);
  for (const task of tasks) engine.register(task);
  return engine.execute();
}

/** Everything that nobody handles in this process while a test runs. */
const unhandled: unknown[] = [];
const note = (reason: unknown): number => unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  await setImmediate();
  process.off("unhandledRejection", note);
  vi.useRealTimers();
  if (unhandled.length > 0) throw new Error(`nobody handled ${unhandled.map(String).join(", ")}`);
});

describe("a timeout", () => {
  test("fails a handler that ignores its signal, and the result does not wait for it", async () => {
    const { success, reports } = await execute([{ id: "stuck", timeoutMs: 5, handler: never }]);
    expect(success).toBe(false);
    const error = reports.get("stuck")?.error;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ scope: "task", timeoutMs: 5 });
    expect(String(error)).toMatch(/task "stuck" did not end within 5 ms; give it/);
  });

  test("drops what the handler does after it", async () => {
    const late = Promise.withResolvers<never>();
    const logged: string[] = [];
    const contexts: TaskContext[] = [];
    const result = await execute(
      [
        {
          id: "late",
          timeoutMs: 5,
          handler: (context) => {
            contexts.push(context);
            return late.promise;
          },
        },
      ],
      { logger: loggerInto(logged) },
    );
    late.reject(new Error("after its end"));
    await setImmediate();
    const [context] = contexts;
    context?.setResult("too late");

    expect(result.reports.get("late")?.error).toBeInstanceOf(TimeoutError);
    expect(result.hasResult("late")).toBe(false);
    expect(logged).toEqual(["a result came after the end of its try and is dropped"]);
    expect(() => context?.register({ id: "x", handler: noop })).toThrow(/task "late" is over/);
    expect(context?.signal.reason).toBe(result.reports.get("late")?.error);
  });

  test("stays a failure when the handler succeeds later, and its place goes to one other task alone", async () => {
    const late = Promise.withResolvers<string>();
    const started: string[] = [];
    const result = await execute(
      [
        { id: "late", timeoutMs: 5, handler: () => late.promise },
        {
          id: "next",
          handler: async () => {
            late.resolve("too late");
            await setImmediate();
            started.push("next");
          },
        },
        { id: "last", handler: () => started.push("last") },
      ],
      { concurrency: 1, errorStrategy: "continue" },
    );
    expect(result.reports.get("late")?.status).toBe("FAILED");
    expect(result.hasResult("late")).toBe(false);
    expect(started).toEqual(["next", "last"]);
  });

  test("counts for each try apart", async () => {
    const { reports } = await execute([
      {
        id: "second",
        timeoutMs: 20,
        retry: { maxRetries: 1 },
        handler: ({ tryNumber }) => (tryNumber === 1 ? never() : "done"),
      },
    ]);
    expect(reports.get("second")).toMatchObject({ status: "SUCCESS", tries: 2, error: null });
  });

  test("of a task goes before the default, and Infinity switches it off", async () => {
    const gate = Promise.withResolvers<void>();
    const { reports } = await execute(
      [
        { id: "default", handler: never },
        { id: "none", timeoutMs: Infinity, handler: () => gate.promise },
        { id: "watch", dependsOn: ["default"], triggerRule: "all_done", handler: () => gate.resolve() },
      ],
      { defaultTaskTimeoutMs: 5, errorStrategy: "continue" },
    );
    expect(reports.get("default")?.status).toBe("FAILED");
    expect(reports.get("none")?.status).toBe("SUCCESS");
  });

  test("of the execution fails what runs and skips what waits, also after a first failure", async () => {
    const result = await execute(
      [
        { id: "bad", handler: () => Promise.reject(new Error("broken")) },
        { id: "stuck", handler: never },
        { id: "waits", dependsOn: ["stuck"], handler: noop },
      ],
      { globalTimeoutMs: 10 },
    );
    expect(result.error).toEqual(new Error("broken"));
    expect(result.reports.get("stuck")?.error).toMatchObject({ name: "TimeoutError", scope: "execution" });
    expect(result.reports.get("waits")?.status).toBe("SKIPPED");
  });

  test("of the execution stops a loop of synchronous handlers between two of them", async () => {
    const block = (): void => {
      for (const start = performance.now(); performance.now() - start < 4; );
    };
    const tasks = Array.from({ length: 100 }, (_, place) => ({ id: `t${place}`, handler: block }));
    const { error, reports } = await execute(tasks, { globalTimeoutMs: 10 });
    expect(error).toMatchObject({ scope: "execution" });
    expect(reports.get("t99")?.status).toBe("SKIPPED");
  });

  test("leaves no timer behind", async () => {
    vi.useFakeTimers();
    const options = { globalTimeoutMs: 60_000, defaultTaskTimeoutMs: 50_000 };
    await execute(
      [
        { id: "a", handler: async () => 1 },
        { id: "b", handler: noop },
      ],
      options,
    );
    await execute(
      [
        { id: "bad", dependsOn: ["ok"], handler: () => Promise.reject(new Error("broken")) },
        { id: "ok", handler: noop },
        { id: "delayed", retry: { maxRetries: 9, delayMs: 1000 }, handler: () => Promise.reject(new Error("again")) },
      ],
      options,
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("when", () => {
  test.each([[false], [Promise.resolve(false)]])("that says %s skips the task without a call", async (answer) => {
    const called: string[] = [];
    const { reports } = await execute([
      { id: "a", handler: () => 1 },
      { id: "b", dependsOn: ["a"], when: () => answer, handler: () => called.push("b") },
      { id: "c", dependsOn: ["b"], handler: () => called.push("c") },
    ]);
    expect(called).toEqual([]);
    expect(reports.get("b")).toMatchObject({
      status: "SKIPPED",
      startTime: null,
      tries: 0,
      error: { code: "WHEN_FALSE" },
    });
    expect(reports.get("c")?.status).toBe("SKIPPED");
  });

  test("sees the results of the dependencies and lets the task run", async () => {
    const result = await execute([
      { id: "a", handler: () => 1 },
      { id: "b", dependsOn: ["a"], when: ({ getResult }) => getResult("a") === 1, handler: () => "ran" },
      { id: "c", dependsOn: ["a"], when: async ({ getResult }) => getResult("a") === 1, handler: () => "ran" },
    ]);
    expect([result.getResult("b"), result.getResult("c")]).toEqual(["ran", "ran"]);
  });

  test.each<[string, () => boolean | Promise<boolean>]>([
    [
      "throws",
      () => {
        throw new Error("no answer");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no answer"))],
  ])("that %s fails the task, and no retry asks again", async (_, when) => {
    const { reports } = await execute([{ id: "a", when, retry: { maxRetries: 3 }, handler: noop }]);
    expect(reports.get("a")).toMatchObject({ status: "FAILED", error: new Error("no answer"), tries: 1 });
  });

  test("is asked once, however often the task is tried", async () => {
    let asked = 0;
    const { reports } = await execute([
      {
        id: "a",
        when: () => {
          asked += 1;
          return asked === 1;
        },
        retry: { maxRetries: 2 },
        handler: ({ tryNumber }) => (tryNumber < 3 ? Promise.reject(new Error("again")) : "done"),
      },
    ]);
    expect([asked, reports.get("a")?.status]).toEqual([1, "SUCCESS"]);
  });

  test("that never answers falls to the task's timeout", async () => {
    const { reports } = await execute([{ id: "a", timeoutMs: 5, when: never, handler: noop }]);
    expect(reports.get("a")?.error).toBeInstanceOf(TimeoutError);
  });

  test("that has not answered at the abort has not started", async () => {
    const answer = Promise.withResolvers<boolean>();
    const called: string[] = [];
    const execution = execute([
      { id: "asks", when: () => answer.promise, handler: () => called.push("asks") },
      { id: "bad", handler: () => Promise.reject(new Error("broken")) },
    ]);
    const { reports } = await execution;
    answer.resolve(true);
    await setImmediate();
    expect(reports.get("asks")).toMatchObject({ status: "SKIPPED", startTime: null });
    expect(called).toEqual([]);
  });
});

describe("middlewares", () => {
  test("may swallow an error", async () => {
    const result = await execute([
      {
        id: "a",
        middlewares: [
          async (context) => {
            await context.next().catch(() => context.setResult("instead"));
          },
        ],
        handler: () => Promise.reject(new Error("broken")),
      },
    ]);
    expect([result.success, result.getResult("a")]).toEqual([true, "instead"]);
  });

  test("may fail a task whose handler has succeeded, and its result is dropped", async () => {
    const result = await execute([
      {
        id: "a",
        middlewares: [
          async (context) => {
            await context.next();
            throw new Error(`${String(context.getResult("a"))} is not enough`);
          },
        ],
        handler: () => 41,
      },
    ]);
    expect(result.reports.get("a")).toMatchObject({ status: "FAILED", error: new Error("41 is not enough") });
    expect(result.hasResult("a")).toBe(false);
  });

  test("that call next() twice fail the task by their place, and the handler runs once", async () => {
    let calls = 0;
    const { reports } = await execute([
      {
        id: "a",
        middlewares: [
          (context) => context.next(),
          async function audit(context) {
            await context.next();
            await context.next().catch(noop);
          },
        ],
        handler: () => {
          calls += 1;
        },
      },
    ]);
    expect(calls).toBe(1);
    expect(String(reports.get("a")?.error)).toMatch(
      /middleware 2 of 2 \(audit\) of task "a" called next\(\) a second time/,
    );
  });

  test("that never call next() skip the handler, and the task succeeds", async () => {
    const result = await execute([{ id: "a", middlewares: [({ setResult }) => setResult("cached")], handler: never }]);
    expect([result.success, result.getResult("a")]).toEqual([true, "cached"]);
  });

  test("that wait past the abort can't start the handler any more", async () => {
    const called: string[] = [];
    const { reports, error } = await execute([
      {
        id: "waits",
        middlewares: [
          async ({ signal, next }) => {
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
            await next();
          },
        ],
        handler: () => called.push("waits"),
      },
      { id: "bad", handler: () => Promise.reject(new Error("broken")) },
    ]);
    expect(called).toEqual([]);
    expect(reports.get("waits")).toMatchObject({ status: "FAILED", error });
  });

  test("may put another signal below themselves", async () => {
    const own = AbortSignal.abort("mine");
    const seen: unknown[] = [];
    await execute([
      {
        id: "a",
        middlewares: [({ next }) => next({ signal: own }), ({ next }) => next()],
        handler: ({ signal }) => seen.push(signal.reason),
      },
    ]);
    expect(seen).toEqual(["mine"]);
  });
});

test("a handler that calls next() is told that nothing is below it", async () => {
  const { reports } = await execute([{ id: "a", handler: ({ next }) => next() }]);
  expect(String(reports.get("a")?.error)).toContain('the handler of task "a" called next()');
});

function loggerInto(lines: string[]): EngineLogger {
  const logger: EngineLogger = {
    info: (message) => lines.push(message),
    error: (message) => lines.push(message),
    with: () => logger,
  };
  return logger;
}
