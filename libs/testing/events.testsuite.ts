import { expect, it } from "vitest";
import type { Store } from "#ports/store.ts";
import { newVersion } from "./dag-builder.ts";
import { runTask, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

/** What every event log does. */
export function describeEvents(open: OpenHarness): void {
  it("gives ids without gaps, and each run's events in their order", async () => {
    const { store } = await openForTest(open);
    const epoch = await relay(store);
    const run = await startRun(store, [{ id: "a" }, { id: "b", parents: ["a"] }]);
    await runTask(store, run.runKey, 0, success);
    await publishAll(store, epoch, 3);
    await runTask(store, run.runKey, 1, success);
    await publishAll(store, epoch, 3);

    const events = await store.events.readAfter({ afterId: 0, limit: 1000, filter: {} });
    expect(events.map((event) => event.id)).toEqual(events.map((_, place) => place + 1));
    expect(await store.events.lastId()).toBe(events.length);
    const ofRun = events.filter((event) => event.dagRunId === run.runId);
    const ends = ofRun.filter((event) => event.eventType === "task_instance.success").map((event) => event.resourceId);
    expect(ends).toEqual([`${run.runId}__a`, `${run.runId}__b`]);
    expect(ofRun[0]?.eventType).toBe("dag_run.created");
    expect(ofRun.at(-1)?.eventType).toBe("dag_run.ended");
  });

  it("reads on from an id, a page at a time", async () => {
    const { store } = await openForTest(open);
    const epoch = await relay(store);
    for (const id of ["a", "b", "c"]) await store.definitions.register(newVersion(id));
    await publishAll(store, epoch, 100);
    const first = await store.events.readAfter({ afterId: 0, limit: 2, filter: {} });
    const rest = await store.events.readAfter({ afterId: first.at(-1)?.id ?? 0, limit: 2, filter: {} });
    expect([...first, ...rest].map((event) => event.resourceId)).toEqual(["a", "b", "c"]);
    expect(await store.events.readAfter({ afterId: 3, limit: 2, filter: {} })).toEqual([]);
  });

  it("filters by DAG, run, resource and type", async () => {
    const { store } = await openForTest(open);
    const epoch = await relay(store);
    await store.definitions.register(newVersion("other"));
    const run = await startRun(store, [{ id: "a" }]);
    await runTask(store, run.runKey, 0, success);
    await publishAll(store, epoch, 100);
    const read = async (filter: Parameters<Store["events"]["readAfter"]>[0]["filter"]): Promise<Set<string>> => {
      const events = await store.events.readAfter({ afterId: 0, limit: 100, filter });
      return new Set(events.map((event) => event.eventType));
    };
    expect(await read({ dagId: "other" })).toEqual(new Set(["dag.updated"]));
    expect(await read({ resourceType: "dag" })).toEqual(new Set(["dag.updated"]));
    expect(await read({ eventType: "task_instance.success" })).toEqual(new Set(["task_instance.success"]));
    const ofRun = await read({ dagRunId: run.runId });
    expect(ofRun).toContain("dag_run.ended");
    expect(ofRun).not.toContain("dag.updated");
    expect(await read({ dagRunId: run.runId, resourceType: "dag" })).toEqual(new Set());
    expect(await read({ dagRunId: "nobody" })).toEqual(new Set());
  });

  it("publishes for the leading relay alone", async () => {
    const { store } = await openForTest(open);
    expect(await store.events.publish(1, 10)).toBeNull();
    const epoch = await relay(store);
    await store.definitions.register(newVersion("a"));
    expect(await store.events.publish(epoch + 1, 10)).toBeNull();
    await store.leases.release({ name: "relay", holder: "test" });
    expect(await store.events.publish(epoch, 10)).toBeNull();
  });
}

export async function relay(store: Store): Promise<number> {
  const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
  return lease?.epoch ?? -1;
}

export async function publishAll(store: Store, epoch: number, limit: number): Promise<void> {
  for (let count = limit; count === limit; ) count = (await store.events.publish(epoch, limit)) ?? 0;
}
