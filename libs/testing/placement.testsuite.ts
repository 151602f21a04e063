import { expect, it } from "vitest";
import { functionCapability } from "#core/function-capability.ts";
import type { WorkerTraits } from "#core/placement.ts";
import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { Store } from "#ports/store.ts";
import { claim, startRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { beatOf, hello, registerWorker } from "./worker-builder.ts";

const plain: WorkerTraits = { labels: {}, operators: [], capabilities: [] };
const gpu: WorkerTraits = { labels: { gpu: "true", zone: "a" }, operators: [], capabilities: [] };

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
    expect(await pick(store, { labels: {}, operators: ["bash", "noop"], capabilities: [] })).toEqual([0]);
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

  it("asks of a preferred worker that it runs the task's operator as well", async () => {
    const { store } = await openForTest(open);
    const labels = { required: {}, preferred: { gpu: "true" } };
    await startRun(store, [
      { id: "a", operatorType: "bash", labels },
      { id: "b", operatorType: "sql", labels },
      { id: "c", operatorType: "sql" },
    ]);
    const preferred = hello("gpu-1", { labels: { gpu: "true" }, capabilities: ["bash"] });
    await store.workers.beat([beatOf(await registerWorker(store, preferred))]);
    expect(await pick(store, plain)).toEqual([1, 2]);
    expect(await pick(store, { ...gpu, operators: ["bash"] })).toEqual([0]);
    expect(await pick(store, { ...plain, operators: ["sql"] })).toEqual([1, 2]);
  });

  it("takes a task for workers whose host can do all that it asks for", async () => {
    const { store } = await openForTest(open);
    await startRun(store, [
      { id: "any", capabilities: [] },
      { id: "one", capabilities: ["container"] },
      { id: "both", capabilities: ["container", "network:none"] },
    ]);
    expect(await pick(store, plain)).toEqual([0]);
    expect(await pick(store, { ...plain, capabilities: ["container", "filesystem:confined"] })).toEqual([0, 1]);
    expect(await pick(store, { ...plain, capabilities: ["network:none", "container"] })).toEqual([0, 1, 2]);
    expect(await pick(store)).toEqual([0, 1, 2]);
    const { instances } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 });
    expect(instances.map(({ isPlaced }) => isPlaced)).toEqual([false, true, true]);
  });
}

const gibibyte = 2 ** 30;

function amounts(given: Partial<ResourceAmounts>): ResourceAmounts {
  return { ...noResources, ...given };
}

/** What every store picks for workers that have so much left. */
export function describeRequests(open: OpenHarness): void {
  const small = amounts({ milliCpus: 1500, memoryBytes: gibibyte });
  const large = amounts({ milliCpus: 1000, memoryBytes: 8 * gibibyte, gpus: 1 });

  async function pickFor(store: Store, options: Partial<Parameters<Store["runs"]["pickQueued"]>[0]>) {
    const picking = { queues: ["default"], backends: [null], limit: 10, ...options };
    const { instances } = await store.runs.pickQueued(picking);
    return instances;
  }

  it("takes what one of the workers has room for, in every resource", async () => {
    const { store } = await openForTest(open);
    const requests = [
      amounts({ milliCpus: 1500 }),
      amounts({ milliCpus: 1001, memoryBytes: 2 * gibibyte }),
      amounts({ memoryBytes: 8 * gibibyte }),
      amounts({ diskBytes: 1 }),
      amounts({ gpus: 1, milliCpus: 1000 }),
    ];
    await startRun(store, [{ id: "any" }, ...requests.map((asked, place) => ({ id: `t${place}`, requests: asked }))]);
    const ordinalsFor = async (rooms?: readonly ResourceAmounts[]) =>
      (await pickFor(store, rooms === undefined ? {} : { rooms })).map(({ ordinal }) => ordinal);
    expect(await ordinalsFor([small])).toEqual([0, 1]);
    expect(await ordinalsFor([large])).toEqual([0, 3, 5]);
    expect(await ordinalsFor([small, large])).toEqual([0, 1, 3, 5]);
    expect(await ordinalsFor([])).toEqual([0]);
    expect(await ordinalsFor([amounts({ diskBytes: -1 })])).toEqual([0]);
    expect(await ordinalsFor()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("fills its limit with what fits, behind whatever does not", async () => {
    const { store } = await openForTest(open);
    const big = Array.from({ length: 20 }, (_, place) => ({ id: `big${place}`, requests: large, priority: 5 }));
    await startRun(store, [...big, { id: "fits", requests: small }]);
    const { instances, mayBeMore } = await store.runs.pickQueued({
      ...{ queues: ["default"], backends: [null], limit: 1, rooms: [small] },
    });
    expect(instances.map(({ ordinal }) => ordinal)).toEqual([20]);
    expect(mayBeMore).toBe(true);
    expect((await pickFor(store, { limit: 1, oldestAt: [0], rooms: [small] })).map(({ ordinal }) => ordinal)).toEqual([
      20,
    ]);
  });

  it("keeps the order of a DAG whose tasks ask for different things", async () => {
    const { store } = await openForTest(open);
    const labels = { required: { gpu: "true" }, preferred: {} };
    const kinds = [
      {},
      { requests: small },
      { labels },
      { labels, requests: small },
      { capabilities: ["container"] },
      { requests: large },
    ];
    const tasks = Array.from({ length: 24 }, (_, place) => ({
      id: `t${place}`,
      priority: (place * 7) % 24,
      ...kinds[place % 6],
    }));
    await startRun(store, tasks);
    const mayHave = (place: number): boolean => [0, 1, 4].includes(place % 6);
    const byPriority = tasks
      .map(({ priority }, place) => ({ priority, place }))
      .toSorted((a, b) => b.priority - a.priority);
    const wanted = byPriority.map(({ place }) => place).filter(mayHave);
    const traits = { ...plain, capabilities: ["container"] };
    for (const limit of [1, 3, 12, 24]) {
      const picked = await pickFor(store, { limit, traits, rooms: [small] });
      expect(picked.map(({ ordinal }) => ordinal)).toEqual(wanted.slice(0, limit));
    }
    const [oldest] = await pickFor(store, { limit: 1, oldestAt: [0], traits, rooms: [small] });
    expect(oldest?.ordinal).toBe(0);
  });

  it("says what is asked for, of what is picked and of what a worker has", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "a", requests: small }, { id: "b" }]);
    const picked = await pickFor(store, {});
    expect(picked.map(({ requests, isPlaced }) => ({ requests, isPlaced }))).toEqual([
      { requests: small, isPlaced: true },
      { requests: undefined, isPlaced: false },
    ]);
    const { workerKey } = await registerWorker(store, hello("w"));
    for (const ordinal of [0, 1]) await claim(store, runKey, ordinal, workerKey);
    const held = await store.runs.listHeldByWorker(workerKey);
    expect(held.toSorted((a, b) => a.ordinal - b.ordinal).map(({ requests }) => requests)).toEqual([small, undefined]);
  });

  it("takes those alone that have waited for resources, where that is asked for", async () => {
    const { store } = await openForTest(open);
    await startRun(store, [{ id: "any" }, { id: "asks", requests: small }]);
    expect(await pickFor(store, { askedMs: 3_600_000 })).toEqual([]);
    await expect
      .poll(async () => (await pickFor(store, { askedMs: 1 })).map(({ ordinal }) => ordinal), { interval: 5 })
      .toEqual([1]);
  });

  it("leaves a task to no preferred worker that could never hold it, or does not run it", async () => {
    const { store } = await openForTest(open);
    const labels = { required: {}, preferred: { fast: "true" } };
    await startRun(store, [
      { id: "large", labels, requests: large },
      { id: "other", labels, operatorType: "bash" },
      { id: "boxed", labels, capabilities: ["container"] },
      { id: "theirs", labels },
    ]);
    const preferred = hello("fast", { labels: { fast: "true" }, capabilities: ["noop"], resources: small });
    const session = await registerWorker(store, preferred);
    await store.workers.beat([beatOf(session, { freeSlots: 1 })]);
    const traits = { ...plain, capabilities: ["container"] };
    const picked = await pickFor(store, { traits, rooms: [large] });
    expect(picked.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2]);
  });
}
