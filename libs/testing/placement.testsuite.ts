import { expect, it } from "vitest";
import { functionCapability } from "#core/function-capability.ts";
import type { WorkerTraits } from "#core/placement.ts";
import type { Store } from "#ports/store.ts";
import { startRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { beatOf, hello, registerWorker } from "./worker-builder.ts";

const plain: WorkerTraits = { labels: {}, operators: [] };
const gpu: WorkerTraits = { labels: { gpu: "true", zone: "a" }, operators: [] };

async function pick(store: Store, traits?: WorkerTraits): Promise<readonly number[]> {
  const options = { queues: ["default"], backends: [null], limit: 10, ...(traits === undefined ? {} : { traits }) };
  return (await store.runs.pickQueued(options)).instances.map(({ ordinal }) => ordinal);
}

/** For which workers every store picks what waits. */
export function describePlacement(open: OpenHarness): void {
  it("takes a task with labels for workers that have all of them alone", async () => {
    const { store } = await openForTest(open);
    const labels = (required: Record<string, string>) => ({ labels: { required, preferred: {} } });
    await startRun(store, [
      { id: "any" },
      { id: "gpu", ...labels({ gpu: "true" }) },
      { id: "both", ...labels({ gpu: "true", zone: "a" }) },
      { id: "other", ...labels({ gpu: "true", zone: "b" }) },
    ]);
    expect(await pick(store, plain)).toEqual([0]);
    expect(await pick(store, gpu)).toEqual([0, 1, 2]);
    expect(await pick(store)).toEqual([0, 1, 2, 3]);
    const { instances } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 });
    expect(instances.map(({ isPlaced }) => isPlaced)).toEqual([false, true, true, true]);
  });

  it("takes a task for workers that run its operator", async () => {
    const { store } = await openForTest(open);
    await startRun(store, [
      { id: "a", operatorType: "bash" },
      { id: "b", operatorType: "sql" },
    ]);
    expect(await pick(store, { labels: {}, operators: ["bash", "noop"] })).toEqual([0]);
    expect(await pick(store, plain)).toEqual([0, 1]);
  });

  it("knows that not every worker of a queue has the handler of a function", async () => {
    const { store } = await openForTest(open);
    await startRun(store, [{ id: "any" }, { id: "function", operatorType: functionCapability("send") }]);
    const { instances } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 });
    expect(instances.map(({ isPlaced }) => isPlaced)).toEqual([false, true]);
  });

  it("leaves a task to workers that it prefers while one of them has a free slot", async () => {
    const { store } = await openForTest(open);
    await startRun(store, [{ id: "a", labels: { required: {}, preferred: { gpu: "true" } } }]);
    expect(await pick(store, plain)).toEqual([0]);
    const preferred = hello("gpu-1", { labels: { gpu: "true" }, slots: 2 });
    const session = await registerWorker(store, preferred);
    await store.workers.beat([beatOf(session, { freeSlots: 1 })]);
    expect(await pick(store, plain)).toEqual([]);
    expect(await pick(store, gpu)).toEqual([0]);
    await store.workers.beat([beatOf(session, { freeSlots: 0 })]);
    expect(await pick(store, plain)).toEqual([0]);
  });
}
