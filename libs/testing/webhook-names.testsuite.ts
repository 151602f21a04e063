import { expect, it } from "vitest";
import type { NewVersion, RegisterResult } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import { newVersion } from "./dag-builder.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

let lastHash = 0;

/** Puts a DAG with webhooks of these names in force. */
function register(
  store: Store,
  dagId: string,
  names: readonly string[],
  changes: Partial<NewVersion> = {},
): Promise<RegisterResult> {
  lastHash += 1;
  const definition = { webhooks: names.map((name) => ({ name })) };
  return store.definitions.register(newVersion(dagId, { definition, hash: String(lastHash), ...changes }));
}

/** Names of webhooks are unique among the definitions in force. */
export function describeWebhookNames(open: OpenHarness): void {
  it("belong to the definition in force that has them", async () => {
    const { store } = await openForTest(open);
    const owners = (...names: string[]) => Promise.all(names.map((name) => store.definitions.findHook(name)));
    expect(await register(store, "a", ["x", "y"])).toMatchObject({ kind: "registered" });
    expect(await owners("x", "y", "z")).toEqual(["a", "a", null]);
    await register(store, "a", ["y", "z"]);
    expect(await owners("x", "y", "z")).toEqual([null, "a", "a"]);
    expect(await register(store, "b", ["x"])).toMatchObject({ kind: "registered" });
    await store.definitions.archiveFile("a.yaml");
    expect(await owners("x", "y", "z")).toEqual(["b", null, null]);
  });

  it("that another one has refuse a registration as a whole", async () => {
    const { store } = await openForTest(open);
    await register(store, "a", ["x"]);
    await register(store, "b", ["y"]);
    const taken = { kind: "hook_taken", hook: "x", dagId: "a", filePath: "a.yaml" };
    expect(await register(store, "b", ["w", "x"])).toEqual(taken);
    expect(await store.definitions.getActive("b")).toMatchObject({ version: 1 });
    expect(await store.definitions.findHook("w")).toBeNull();
    expect(await store.definitions.findHook("y")).toBe("b");
    expect(await register(store, "c", ["x"])).toEqual(taken);
    expect((await store.definitions.getActive("c"))?.isActive ?? false).toBe(false);
    await register(store, "p", ["pushed"], { filePath: null, source: "api" });
    expect(await register(store, "c", ["pushed"])).toMatchObject({ kind: "hook_taken", dagId: "p", filePath: null });
  });

  it("of an archived definition may be taken, which keeps it from coming back with them", async () => {
    const { store } = await openForTest(open);
    const first = { hash: "first" };
    await register(store, "a", ["x"], first);
    await store.definitions.archiveFile("a.yaml");
    expect(await register(store, "b", ["x"])).toMatchObject({ kind: "registered" });
    expect(await store.definitions.findHook("x")).toBe("b");
    expect(await register(store, "a", ["x"], first)).toMatchObject({ kind: "hook_taken", dagId: "b" });
    await register(store, "b", []);
    expect(await register(store, "a", ["x"], first)).toMatchObject({ kind: "registered", version: 1 });
    expect(await store.definitions.findHook("x")).toBe("a");
  });

  it("go over to the new id when a file changes its id", async () => {
    const { store } = await openForTest(open);
    await register(store, "a", ["x"]);
    expect(await register(store, "renamed", ["x"], { filePath: "a.yaml" })).toMatchObject({ kind: "registered" });
    expect(await store.definitions.findHook("x")).toBe("renamed");
  });
}
