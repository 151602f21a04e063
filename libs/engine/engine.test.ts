import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import type { TaskDefinition } from "./task-definition.ts";
import { EngineError } from "./engine-error.ts";

const noop = (): void => undefined;

/** What an act throws; fails when it throws nothing, or something else. */
function engineErrorOf(act: () => unknown): EngineError {
  try {
    act();
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

describe("new Engine", () => {
  test.each([
    ["concurrency", 0],
    ["concurrency", -1],
    ["concurrency", 1.5],
    ["concurrency", Number.NaN],
    ["globalTimeoutMs", 0],
    ["globalTimeoutMs", Number.NaN],
    ["globalTimeoutMs", 2 ** 31],
    ["defaultTaskTimeoutMs", -5],
    ["defaultTaskTimeoutMs", "5"],
    ["errorStrategy", "stop"],
    ["logger", { info: noop }],
    ["observer", {}],
    ["createStore", 1],
  ])("refuses %s %j by its name", (name, value) => {
    const error = engineErrorOf(() => new Engine({ [name]: value }));
    expect(error.code).toBe("INVALID_OPTIONS");
    expect(error.message).toContain(name);
  });

  test("names every wrong option at once", () => {
    const error = engineErrorOf(() => new Engine({ concurrency: 0, globalTimeoutMs: -1 }));
    expect(error.message).toMatch(/globalTimeoutMs is -1.*concurrency is 0/);
  });

  test("takes Infinity for what has no limit", () => {
    const options = { concurrency: Infinity, globalTimeoutMs: Infinity, defaultTaskTimeoutMs: Infinity };
    expect(() => new Engine(options)).not.toThrow();
  });
});

describe("register", () => {
  test.each<[string, object, RegExp]>([
    ["no id", { handler: noop }, /its id is no text/],
    ["an empty id", { id: "", handler: noop }, /its id is no text, or empty/],
    ["no handler", { id: "a" }, /task "a".*no handler/],
    ["a dependency that is no list", { id: "a", handler: noop, dependsOn: "b" }, /dependsOn is no list/],
    ["a dependency without a name", { id: "a", handler: noop, dependsOn: [{ on: "failure" }] }, /dependsOn\[0\]/],
    ["an unknown condition", { id: "a", handler: noop, dependsOn: [{ task: "b", on: "done" }] }, /\.on is "done"/],
    ["a timeout of 0", { id: "a", handler: noop, timeoutMs: 0 }, /timeoutMs is 0/],
    ["an unknown rule", { id: "a", handler: noop, triggerRule: "any" }, /triggerRule is "any"/],
    ["retries below 0", { id: "a", handler: noop, retry: { maxRetries: -1 } }, /retry.maxRetries is -1/],
    ["a jitter above 1", { id: "a", handler: noop, retry: { maxRetries: 1, jitter: 2 } }, /retry.jitter is 2/],
    ["a middleware that is no function", { id: "a", handler: noop, middlewares: [1] }, /middlewares is no list/],
    ["a mistyped field", { id: "a", handler: noop, depends_on: [] }, /no field depends_on; did you mean dependsOn/],
  ])("refuses %s", (_, definition, message) => {
    const engine = new Engine();
    const error = engineErrorOf(() => engine.register(definition as TaskDefinition));
    expect(error.code).toBe("INVALID_TASK");
    expect(error.message).toMatch(message);
    expect(engine.toDot()).not.toContain('"a"');
  });

  test("names every fault of a definition at once", () => {
    const definition = { id: "a", timeoutMs: -1, triggerRule: "any" } as unknown as TaskDefinition;
    expect(() => new Engine().register(definition)).toThrow(/no handler.*timeoutMs.*triggerRule/);
  });

  test("leaves fields alone that are not its own", async () => {
    const task = { id: "a", handler: noop, description: "loads", owner: "me" };
    expect((await new Engine().register(task).execute()).success).toBe(true);
  });

  test("keeps what was registered when the object changes later", async () => {
    const task = { id: "a", handler: () => "first" };
    const engine = new Engine().register(task);
    task.id = "b";
    task.handler = () => "second";
    engine.register(task);
    const result = await engine.execute();
    expect([result.getResult("a"), result.getResult("b")]).toEqual(["first", "second"]);
  });

  test("calls a method with its object", async () => {
    class Load {
      readonly id = "load";
      readonly rows = 7;
      handler(): number {
        return this.rows;
      }
    }
    expect((await new Engine().register(new Load()).execute()).getResult("load")).toBe(7);
  });

  test("after build reaches the next execution, and not the one that runs", async () => {
    const gate = Promise.withResolvers<void>();
    const engine = new Engine().register({ id: "a", handler: () => gate.promise }).build();
    const first = engine.execute();
    engine.register({ id: "b", dependsOn: ["a"], handler: () => "late" });
    const second = engine.execute();
    gate.resolve();

    const { reports, store } = await first;
    expect([reports.size, reports.has("b"), reports.get("b"), store.has("b")]).toEqual([1, false, undefined, false]);
    expect([...reports.keys()]).toEqual(["a"]);
    expect((await second).getResult("b")).toBe("late");
  });
});

describe("use", () => {
  test("refuses what is no function", () => {
    expect(() => new Engine().use(noop, {} as never)).toThrow("argument 2 is no function");
  });

  test("during an execution leaves that one alone", async () => {
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const engine = new Engine().register({ id: "a", handler: () => gate.promise });
    engine.register({ id: "b", dependsOn: ["a"], handler: noop });
    const first = engine.execute();
    engine.use((context) => {
      seen.push(context.taskId);
      return context.next();
    });
    gate.resolve();
    await first;
    expect(seen).toEqual([]);
    await engine.execute();
    expect(seen).toEqual(["a", "b"]);
  });
});

describe("build", () => {
  test("reports all problems at once, each with its task", () => {
    const engine = new Engine()
      .register({ id: "extract", handler: noop })
      .register({ id: "load", dependsOn: ["extrakt"], handler: noop })
      .register({ id: "self", dependsOn: ["self"], handler: noop })
      .register({ id: "twice", dependsOn: ["extract", "extract"], handler: noop })
      .register({ id: "x", dependsOn: ["z"], handler: noop })
      .register({ id: "y", dependsOn: ["x"], handler: noop })
      .register({ id: "z", dependsOn: ["y"], handler: noop })
      .register({ id: "rule", triggerRule: "one_failed", handler: noop });
    const error = engineErrorOf(() => engine.build());
    expect(error.code).toBe("INVALID_GRAPH");
    expect(error.problems.map(({ code, task }) => `${code} ${task}`)).toEqual([
      "UNKNOWN_TASK load",
      "SELF_DEPENDENCY self",
      "DUPLICATE_EDGE twice",
      "RULE_NEEDS_PARENTS rule",
      "CYCLE x",
    ]);
    expect(error.message).toContain('did you mean "extract"?');
    expect(error.message).toContain('"x" → "y" → "z" → "x"');
  });

  test("lists a hundred problems and counts the others", () => {
    const engine = new Engine();
    for (let place = 0; place < 5000; place += 1) {
      engine.register({ id: `t${place}`, dependsOn: [`missing ${place}`], handler: noop });
    }
    const error = engineErrorOf(() => engine.build());
    expect(error.problems).toHaveLength(100);
    expect(error.message).toContain("and 4900 more");
  });

  test("makes execute reject, and call nothing", async () => {
    const called: string[] = [];
    const engine = new Engine()
      .register({ id: "a", handler: () => called.push("a") })
      .register({ id: "b", dependsOn: ["c"], handler: noop });
    await expect(engine.execute()).rejects.toThrow(/"b" depends on "c"/);
    expect(called).toEqual([]);
  });
});

describe("execute", () => {
  test.each([[{ signal: {} }], [{ store: { get: noop } }], [7]])("refuses %j", async (options) => {
    await expect(new Engine().execute(options as never)).rejects.toThrow(/execute\(\)/);
  });

  test("without tasks succeeds", async () => {
    const { success, reports, error } = await new Engine().execute();
    expect([success, reports.size, error]).toEqual([true, 0, null]);
  });

  test("takes a bare signal", async () => {
    const result = await new Engine().register({ id: "a", handler: noop }).execute(AbortSignal.abort("no"));
    expect([result.success, result.error]).toEqual([false, "no"]);
  });
});
