import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-api.ts";
import type { ExecutionResult } from "./execution-report.ts";
import type { TaskContext, TaskDefinition } from "./task-definition.ts";
import { SkipTask } from "./engine-error.ts";

const noop = (): void => undefined;

function engineOf(tasks: readonly TaskDefinition[], options: EngineOptions = {}): Engine {
  const engine = new Engine(options);
  for (const task of tasks) engine.register(task);
  return engine;
}

function statusesOf({ reports }: ExecutionResult): Record<string, string> {
  return Object.fromEntries(Array.from(reports.values(), ({ taskId, status }) => [taskId, status]));
}

function fail(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

describe("fail-fast", () => {
  test("lets what runs finish, skips the rest and names the first failure", async () => {
    const gate = Promise.withResolvers<string>();
    const execution = engineOf([
      { id: "slow", handler: () => gate.promise },
      { id: "bad", handler: fail("broken") },
      { id: "late", handler: noop },
      { id: "behind", dependsOn: ["slow"], handler: noop },
    ]).execute();
    gate.resolve("done");
    const result = await execution;
    expect(statusesOf(result)).toEqual({ slow: "SUCCESS", bad: "FAILED", late: "SKIPPED", behind: "SKIPPED" });
    expect(result.error).toEqual(new Error("broken"));
    expect(result.reports.get("late")?.error).toBe(result.error);
    expect(result.getResult("slow")).toBe("done");
  });

  test("tells what runs, which may fail with the reason of the abort", async () => {
    const result = await engineOf([
      {
        id: "listens",
        handler: async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          signal.throwIfAborted();
        },
      },
      { id: "bad", handler: () => Promise.reject(new Error("broken")) },
    ]).execute();
    expect(statusesOf(result)).toEqual({ listens: "FAILED", bad: "FAILED" });
    expect(result.reports.get("listens")?.error).toBe(result.error);
  });

  test("starts nothing after the first failure, whatever the rule", async () => {
    const result = await engineOf([
      { id: "bad", handler: fail("broken") },
      { id: "cleanup", dependsOn: ["bad"], triggerRule: "all_done", handler: noop },
      { id: "onFailure", dependsOn: [{ task: "bad", on: "failure" }], handler: noop },
    ]).execute();
    expect(statusesOf(result)).toEqual({ bad: "FAILED", cleanup: "SKIPPED", onFailure: "SKIPPED" });
  });

  test("goes on after a failure that is allowed, and what it breaks is no matter", async () => {
    const result = await engineOf([
      { id: "bad", allowFailure: true, handler: fail("broken") },
      { id: "broken", dependsOn: ["bad"], handler: noop },
      { id: "after", dependsOn: ["bad"], triggerRule: "all_done", handler: noop },
    ]).execute();
    expect(statusesOf(result)).toEqual({ bad: "FAILED", broken: "SKIPPED", after: "SUCCESS" });
    expect([result.success, result.error]).toEqual([true, null]);
  });
});

describe("continue", () => {
  test("taints what depends on a failure and runs the rest, by the rules and edges", async () => {
    const result = await engineOf(
      [
        { id: "bad", handler: fail("broken") },
        { id: "good", handler: noop },
        { id: "both", dependsOn: ["bad", "good"], handler: noop },
        { id: "deep", dependsOn: ["both"], handler: noop },
        { id: "one", dependsOn: ["bad", "good"], triggerRule: "one_success", handler: noop },
        { id: "repair", dependsOn: [{ task: "bad", on: "failure" }], handler: noop },
        { id: "idle", dependsOn: [{ task: "good", on: "failure" }], handler: noop },
        { id: "cleanup", dependsOn: [{ task: "both", on: "completion" }], handler: noop },
        { id: "atOnce", dependsOn: ["good"], triggerRule: "always", handler: noop },
      ],
      { errorStrategy: "continue" },
    ).execute();
    expect(statusesOf(result)).toEqual({
      bad: "FAILED",
      good: "SUCCESS",
      both: "SKIPPED",
      deep: "SKIPPED",
      one: "SUCCESS",
      repair: "SUCCESS",
      idle: "SKIPPED",
      cleanup: "SUCCESS",
      atOnce: "SUCCESS",
    });
    expect(result.error).toEqual(new Error("broken"));
    const skipped = result.reports.get("both")?.error;
    expect(skipped).toMatchObject({ code: "RULE_NOT_MET" });
    expect(String(skipped)).toContain('all_success can\'t hold, since "bad" ended FAILED');
    expect(result.reports.get("both")?.error).toBe(skipped);
  });

  test("lets a task skip itself, and its children follow their rules", async () => {
    const result = await engineOf(
      [
        {
          id: "skips",
          handler: () => {
            throw new SkipTask("nothing new");
          },
        },
        { id: "child", dependsOn: ["skips"], handler: noop },
        { id: "anyway", dependsOn: ["skips"], triggerRule: "none_failed", handler: noop },
      ],
      { errorStrategy: "continue" },
    ).execute();
    expect(statusesOf(result)).toEqual({ skips: "SKIPPED", child: "SKIPPED", anyway: "SUCCESS" });
    expect(result.reports.get("skips")?.error).toEqual(new SkipTask("nothing new"));
    expect([result.success, result.error]).toEqual([false, new SkipTask("nothing new")]);
  });
});

describe("an abort from outside", () => {
  test("before the start calls nothing", async () => {
    const reason = new Error("not today");
    const called: string[] = [];
    const result = await engineOf([
      { id: "a", handler: () => called.push("a") },
      { id: "b", dependsOn: ["a"], handler: () => called.push("b") },
    ]).execute({ signal: AbortSignal.abort(reason) });
    expect(called).toEqual([]);
    expect(statusesOf(result)).toEqual({ a: "SKIPPED", b: "SKIPPED" });
    expect(result.error).toBe(reason);
    expect(result.reports.get("b")).toMatchObject({ error: reason, startTime: null, durationMs: null, tries: 0 });
  });

  test("in the middle of a synchronous chain stops it", async () => {
    const stop = new AbortController();
    const result = await engineOf([
      { id: "a", handler: () => stop.abort("enough") },
      { id: "b", dependsOn: ["a"], handler: noop },
    ]).execute({ signal: stop.signal });
    expect(statusesOf(result)).toEqual({ a: "SUCCESS", b: "SKIPPED" });
    expect(result.error).toBe("enough");
  });

  test("reaches every handler that runs, and leaves no listener behind", async () => {
    const stop = new AbortController();
    const listeners = countListeners(stop.signal);
    const seen: string[] = [];
    const untilAborted = ({ taskId, signal }: TaskContext): Promise<void> =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          seen.push(taskId);
          resolve();
        });
      });
    const tasks = Array.from({ length: 1000 }, (_, place) => ({ id: `t${place}`, handler: untilAborted }));
    const execution = engineOf(tasks).execute({ signal: stop.signal });
    stop.abort();
    await execution;
    expect(seen).toHaveLength(1000);
    expect(listeners()).toBe(0);
  });
});

describe("one engine", () => {
  test("runs two executions at once, each with its own states", async () => {
    const engine = engineOf([
      { id: "a", handler: async ({ executionId }) => setImmediate(executionId) },
      { id: "b", dependsOn: ["a"], handler: ({ getResult }) => getResult("a") },
    ]);
    const results = await Promise.all([
      engine.execute(),
      engine.execute({ signal: AbortSignal.abort() }),
      engine.execute(),
    ]);
    expect(results.map(({ success }) => success)).toEqual([true, false, true]);
    expect(results.map((result) => result.getResult("b"))).toEqual([
      results[0].executionId,
      undefined,
      results[2].executionId,
    ]);
  });

  test("lets a handler execute the engine itself", async () => {
    let depth = 0;
    const engine: Engine = engineOf([
      {
        id: "a",
        handler: async () => {
          depth += 1;
          return depth < 3 ? (await engine.execute()).success : "innermost";
        },
      },
    ]);
    expect((await engine.execute()).getResult("a")).toBe(true);
    expect(depth).toBe(3);
  });
});

describe("large graphs", () => {
  const chainOf = (length: number, handler: TaskDefinition["handler"]): readonly TaskDefinition[] =>
    Array.from({ length }, (_, place) => ({
      id: `t${place}`,
      dependsOn: place === 0 ? [] : [`t${place - 1}`],
      handler,
    }));

  test.each([
    ["synchronous", noop],
    ["asynchronous", async () => undefined],
  ])("a chain of 10,000 %s handlers ends without a deep stack", async (_, handler) => {
    const depths: number[] = [];
    const tasks = chainOf(10_000, (context) => {
      if (context.taskId === "t9999") depths.push((new Error("here").stack ?? "").split("\n").length);
      return handler();
    });
    expect((await engineOf(tasks).execute()).success).toBe(true);
    expect(depths[0]).toBeLessThan(15);
  });

  test("a failure at the top of a chain of 100,000 skips all of it", async () => {
    const tasks = chainOf(100_000, fail("broken"));
    const { reports } = await engineOf(tasks, { errorStrategy: "continue" }).execute();
    expect(["t1", "t50000", "t99999"].map((id) => reports.get(id)?.status)).toEqual(["SKIPPED", "SKIPPED", "SKIPPED"]);
    expect(String(reports.get("t99999")?.error)).toContain('"t99998" ended SKIPPED');
  });

  test("100,000 tasks that wait for one another in layers end", async () => {
    const tasks = Array.from({ length: 100_000 }, (_, place) => ({
      id: `t${place}`,
      dependsOn:
        place < 100
          ? []
          : [`t${place - 100}`, `t${(place % 100 === 0 ? place : place - 1) - 100}`].slice(
              0,
              place % 100 === 0 ? 1 : 2,
            ),
      handler: place % 3 === 0 ? async () => place : noop,
    }));
    const result = await engineOf(tasks).execute();
    expect([result.success, result.reports.size, result.getResult("t99999")]).toEqual([true, 100_000, 99_999]);
  });
});

describe("concurrency", () => {
  test("bounds the handlers at work, also when some fail and are tried again", async () => {
    let atWork = 0;
    let most = 0;
    const handler = async ({ tryNumber }: TaskContext): Promise<void> => {
      atWork += 1;
      most = Math.max(most, atWork);
      await setImmediate();
      atWork -= 1;
      if (tryNumber === 1) throw new Error("once more");
    };
    const tasks = Array.from({ length: 30 }, (_, place) => ({
      id: `t${place}`,
      retry: { maxRetries: place % 2 },
      handler,
    }));
    const { reports } = await engineOf(tasks, { errorStrategy: "continue", concurrency: 4 }).execute();
    expect(most).toBe(4);
    expect([...reports.values()].filter(({ status }) => status === "FAILED")).toHaveLength(15);
    expect([...reports.values()].filter(({ tries }) => tries === 2)).toHaveLength(15);
  });
});

/** How many listeners a signal has now. */
function countListeners(signal: AbortSignal): () => number {
  const listeners = new Set<unknown>();
  const original: Pick<AbortSignal, "addEventListener" | "removeEventListener"> = {
    addEventListener: signal.addEventListener.bind(signal),
    removeEventListener: signal.removeEventListener.bind(signal),
  };
  signal.addEventListener = (type: string, listener: (event: Event) => void) => {
    listeners.add(listener);
    original.addEventListener(type, listener);
  };
  signal.removeEventListener = (type: string, listener: (event: Event) => void) => {
    listeners.delete(listener);
    original.removeEventListener(type, listener);
  };
  return () => listeners.size;
}
