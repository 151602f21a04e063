import { describe, expect, expectTypeOf, test } from "vitest";
import { createMemoryStore, typedStore } from "./data-store.ts";
import { Engine } from "./engine.ts";
import type { DataStore } from "./engine-api.ts";

const noop = (): void => undefined;

describe("the default store", () => {
  test("tells an absent result from one that is undefined", async () => {
    const { store, hasResult } = await new Engine()
      .register({ id: "a", handler: ({ setResult }) => setResult(undefined) })
      .register({ id: "b", handler: noop })
      .execute();
    expect([store.has("a"), store.get("a"), store.has("b"), hasResult("a")]).toEqual([true, undefined, false, true]);
    expect([...store.entries()]).toEqual([["a", undefined]]);
  });

  test("shows a result to others when its task has succeeded, and never one of a failed task", async () => {
    const gate = Promise.withResolvers<void>();
    const seen: unknown[] = [];
    const result = await new Engine({ errorStrategy: "continue" })
      .register({
        id: "slow",
        handler: async ({ setResult, hasResult, getResult }) => {
          setResult("early");
          seen.push(hasResult("slow"), getResult("slow"));
          await gate.promise;
          throw new Error("broken");
        },
      })
      .register({
        id: "looks",
        handler: ({ hasResult, store }) => {
          seen.push(hasResult("slow"), store.get("slow"));
          gate.resolve();
        },
      })
      .execute();
    expect(seen).toEqual([true, "early", false, undefined]);
    expect(result.hasResult("slow")).toBe(false);
  });

  test("keeps what is set by hand, until a task of that name has a result", async () => {
    const { store } = await new Engine()
      .register({ id: "a", handler: (context) => context.store.set("note", 1) })
      .register({ id: "b", dependsOn: ["a"], handler: ({ store }) => (store.set("c", "by hand"), store.get("note")) })
      .register({ id: "c", dependsOn: ["b"], handler: ({ store }) => `after ${String(store.get("c"))}` })
      .execute();
    expect(Object.fromEntries(store.entries())).toEqual({ b: 1, c: "after by hand", note: 1 });
    store.set("b", 2);
    expect(store.get("b")).toBe(2);
  });

  test("is empty at the start of each execution", async () => {
    const engine = new Engine().register({ id: "a", handler: ({ store }) => [...store.entries()].length });
    expect((await engine.execute()).getResult("a")).toBe(0);
    expect((await engine.execute()).getResult("a")).toBe(0);
  });
});

describe("a given store", () => {
  test("takes the results of succeeded tasks, and lets a later execution go on from them", async () => {
    const calls: string[] = [];
    let isBroken = true;
    const engine = new Engine().register({ id: "a", handler: () => (calls.push("a"), 1) }).register({
      id: "b",
      dependsOn: ["a"],
      handler: ({ getResult }) => {
        calls.push("b");
        if (isBroken) throw new Error("not yet");
        return Number(getResult("a")) + 1;
      },
    });
    const store = createMemoryStore();
    await engine.execute({ store });
    isBroken = false;
    const { success, reports } = await engine.execute({ store });
    expect(calls).toEqual(["a", "b", "b"]);
    expect([success, ...store.entries()]).toEqual([true, ["a", 1], ["b", 2]]);
    expect(reports.get("a")).toMatchObject({ status: "SUCCESS", startTime: null, tries: 0 });
  });

  test("that has everything calls nothing", async () => {
    const engine = new Engine({ concurrency: 1 })
      .register({ id: "a", handler: () => Promise.reject(new Error("called")) })
      .register({ id: "b", dependsOn: ["a"], handler: () => Promise.reject(new Error("called")) });
    const store = createMemoryStore([
      ["b", 2],
      ["a", 1],
    ]);
    expect((await engine.execute({ store })).success).toBe(true);
  });

  test("that refuses a result fails the task, once, with its error as cause", async () => {
    const full = new Error("disk full");
    const store: DataStore = {
      ...createMemoryStore(),
      set: () => {
        throw full;
      },
    };
    let calls = 0;
    const { reports, error } = await new Engine()
      .register({ id: "a", retry: { maxRetries: 3 }, handler: () => (calls += 1) })
      .execute({ store });
    expect(calls).toBe(1);
    expect(reports.get("a")).toMatchObject({ status: "FAILED", error });
    expect(error).toMatchObject({ code: "STORE_FAILED", cause: full, message: expect.stringContaining('task "a"') });
  });

  test("that can't be read makes execute reject, or the handler that reads it fail", async () => {
    const broken = new Error("no disk");
    const refuse = (): never => {
      throw broken;
    };
    const engine = new Engine().register({ id: "a", handler: ({ getResult }) => getResult("b") });
    const rejection = { code: "STORE_FAILED", cause: broken };
    await expect(engine.execute({ store: { ...createMemoryStore(), has: refuse } })).rejects.toMatchObject(rejection);
    const { error } = await engine.execute({ store: { ...createMemoryStore(), get: refuse } });
    expect(error).toBe(broken);
  });
});

describe("createStore", () => {
  test("makes the store of each execution", async () => {
    const made = new Map<string, DataStore>();
    const engine = new Engine({
      createStore: (id) => {
        const store = createMemoryStore();
        made.set(id, store);
        return store;
      },
    }).register({ id: "a", handler: () => 1 });
    const { executionId, store } = await engine.execute();
    expect(made.get(executionId)).toBe(store);
    expect(store.get("a")).toBe(1);
  });

  test.each<[string, () => DataStore]>([
    [
      "throws",
      () => {
        throw new Error("no room");
      },
    ],
    ["gives no store", () => ({}) as DataStore],
  ])("that %s makes execute reject", async (_, createStore) => {
    await expect(new Engine({ createStore }).execute()).rejects.toMatchObject({ code: "STORE_FAILED" });
  });
});

test("a typed store knows its keys and their types", () => {
  const store = createMemoryStore([["count", 7]]);
  const typed = typedStore<{ count: number; names: readonly string[] }>(store);
  typed.set("names", ["a"]);
  expectTypeOf(typed.get("count")).toEqualTypeOf<number | undefined>();
  expectTypeOf(typed.get("names")).toEqualTypeOf<readonly string[] | undefined>();
  expect([typed.get("count"), store.get("names"), typed.has("names")]).toEqual([7, ["a"], true]);
});
