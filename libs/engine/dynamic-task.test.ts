import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-api.ts";
import type { ExecutionResult } from "./execution-report.ts";
import type { TaskContext, TaskDefinition } from "./task-definition.ts";

const noop = (): void => undefined;

/** Executes a task "parent" with this handler, and others. */
function executeParent(
  handler: TaskDefinition["handler"],
  others: readonly TaskDefinition[] = [],
  options: EngineOptions = {},
): Promise<ExecutionResult> {
  const engine = new Engine(options);
  for (const task of others) engine.register(task);
  return engine
    .register({ id: "parent", dependsOn: others.map(({ id }) => id), triggerRule: "all_done", handler })
    .execute();
}

describe("a task that registers others", () => {
  test("starts them after itself, with its result", async () => {
    const result = await executeParent(({ register }) => {
      for (const part of [1, 2, 3]) {
        register({ id: `part ${part}`, handler: ({ getResult }) => Number(getResult("parent")) * part });
      }
      register({
        id: "sum",
        dependsOn: ["part 1", "part 2", "part 3"],
        handler: ({ getResult }) => [1, 2, 3].reduce((sum, part) => sum + Number(getResult(`part ${part}`)), 0),
      });
      return 10;
    });
    expect([result.success, result.getResult("sum")]).toEqual([true, 60]);
    expect([...result.reports.keys()]).toEqual(["parent", "part 1", "part 2", "part 3", "sum"]);
  });

  test("touches neither the engine nor another execution", async () => {
    const engine = new Engine().register({
      id: "parent",
      handler: async ({ register }) => {
        await setImmediate();
        register({ id: "child", handler: noop });
      },
    });
    const results = await Promise.all([engine.execute(), engine.execute()]);
    expect(results.map(({ reports }) => reports.size)).toEqual([2, 2]);
    expect(engine.toDot()).not.toContain("child");
  });

  test("may name no dependency, and they start while it runs", async () => {
    const result = await executeParent(
      ({ register }) => new Promise((resolve) => register({ id: "child", dependsOn: [], handler: resolve })),
    );
    expect(result.success).toBe(true);
  });

  test("may build a chain of 10,000, each registered by the one before", async () => {
    const next = ({ taskId, register }: TaskContext): void => {
      const place = Number(taskId.slice(1));
      if (place < 10_000) register({ id: `t${place + 1}`, handler: next });
    };
    const { success, reports } = await new Engine().register({ id: "t0", handler: next }).execute();
    expect([success, reports.size]).toEqual([true, 10_001]);
  });

  test("finds by the rules what its dependencies have come to", async () => {
    const { reports } = await executeParent(
      ({ register }) => {
        register({ id: "ran", dependsOn: ["good"], handler: noop });
        register({ id: "skipped", dependsOn: ["good", "off"], handler: noop });
        register({ id: "below", dependsOn: ["skipped"], handler: noop });
        register({ id: "any", dependsOn: ["good", "off"], triggerRule: "one_success", handler: noop });
        register({ id: "edge", dependsOn: [{ task: "off", on: "completion" }], handler: noop });
      },
      [
        { id: "good", handler: noop },
        { id: "off", when: () => false, handler: noop },
      ],
      { errorStrategy: "continue" },
    );
    const statuses = ["ran", "skipped", "below", "any", "edge"].map((id) => reports.get(id)?.status);
    expect(statuses).toEqual(["SUCCESS", "SKIPPED", "SKIPPED", "SUCCESS", "SUCCESS"]);
  });

  test("waits for all dependencies, also when it comes in the moment in which one of them ends", async () => {
    const gate = Promise.withResolvers<void>();
    const contexts: TaskContext[] = [];
    const engine = new Engine({
      observer: (event) => {
        if (event.kind !== "task_ended" || event.report.taskId !== "quick") return;
        contexts[0]?.register({
          id: "child",
          dependsOn: ["quick", "slow"],
          handler: ({ getResult }) => getResult("slow"),
        });
      },
    })
      .register({
        id: "slow",
        handler: async (context) => {
          contexts.push(context);
          await gate.promise;
          return "slow's";
        },
      })
      .register({ id: "quick", handler: noop });
    const execution = engine.execute();
    await setImmediate();
    gate.resolve();
    expect((await execution).getResult("child")).toBe("slow's");
  });

  test("has middlewares and the default timeout around them", async () => {
    const seen: string[] = [];
    const { reports } = await new Engine({ defaultTaskTimeoutMs: 5, errorStrategy: "continue" })
      .use((context) => {
        seen.push(context.taskId);
        return context.next();
      })
      .register({
        id: "parent",
        handler: ({ register }) => register({ id: "child", handler: () => new Promise(noop) }),
      })
      .execute();
    expect(seen).toEqual(["parent", "child"]);
    expect(reports.get("child")?.error).toMatchObject({ name: "TimeoutError" });
  });

  test("that fails leaves them to their rule", async () => {
    const { reports } = await executeParent(
      ({ register }) => {
        register({ id: "child", handler: noop });
        throw new Error("broken");
      },
      [],
      { errorStrategy: "continue" },
    );
    expect(reports.get("child")).toMatchObject({ status: "SKIPPED", error: { code: "RULE_NOT_MET" } });
  });

  test("after the abort gets them skipped with its reason", async () => {
    const stop = new AbortController();
    const engine = new Engine().register({
      id: "parent",
      handler: async ({ signal, register }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        register({ id: "child", dependsOn: [], handler: noop });
      },
    });
    const execution = engine.execute(stop.signal);
    stop.abort("enough");
    const { reports } = await execution;
    expect(reports.get("child")).toMatchObject({ status: "SKIPPED", error: "enough" });
  });
});

describe("a later try that registers the same task", () => {
  test("gives it the new definition", async () => {
    const result = await new Engine()
      .register({
        id: "parent",
        retry: { maxRetries: 1 },
        handler: ({ tryNumber, register }) => {
          register({ id: "child", handler: () => `of try ${tryNumber}` });
          if (tryNumber === 1) throw new Error("once more");
        },
      })
      .execute();
    expect(result.getResult("child")).toBe("of try 2");
  });

  test("is refused when the dependencies are others", async () => {
    const { reports } = await new Engine()
      .register({
        id: "parent",
        retry: { maxRetries: 1 },
        handler: ({ tryNumber, register }) => {
          register({
            id: "child",
            dependsOn: tryNumber === 1 ? ["parent"] : [{ task: "parent", on: "failure" }],
            handler: noop,
          });
          throw new Error("once more");
        },
      })
      .execute();
    expect(reports.get("parent")?.error).toMatchObject({ code: "DUPLICATE_TASK" });
  });
});

describe("a task that can't be added", () => {
  test.each<[string, Partial<TaskDefinition>, RegExp]>([
    ["its id is taken", { id: "good" }, /"parent" registers "good", which is registered already/],
    ["it is no definition", { handler: 1 as never }, /no handler/],
    ["it depends on itself", { dependsOn: ["child"] }, /"child".*depends on itself/],
    [
      "a dependency is unknown",
      { dependsOn: ["goood"] },
      /depends on "goood", which is not registered; did you mean "good"/,
    ],
    ["a dependency has failed", { dependsOn: ["bad"] }, /depends on "bad", which has failed/],
    ["a dependency is named twice", { dependsOn: ["good", "good"] }, /"good" more than once/],
    ["its rule needs dependencies", { dependsOn: [], triggerRule: "one_failed" }, /one_failed needs dependencies/],
  ])("because %s is refused, and nothing of it stays", async (_, fields, message) => {
    const { reports } = await executeParent(
      ({ register }) => {
        expect(() => register({ id: "child", handler: noop, ...fields })).toThrow(message);
      },
      [
        { id: "good", handler: noop },
        { id: "bad", handler: () => Promise.reject(new Error("broken")) },
      ],
      { errorStrategy: "continue" },
    );
    expect(reports.get("parent")?.error).toBe(null);
    expect([...reports.keys()]).toEqual(["good", "bad", "parent"]);
  });
});
