import { describe, expect, it } from "vitest";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import { hookSpec } from "./hook-spec.ts";
import { clearOf } from "./run-driver.ts";
import { change, claim, failure, newRun, readInstances, runTask, startRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const soon = { timeout: 20_000, interval: 5 };

async function pick(
  store: Store,
  options: Partial<Parameters<Store["runs"]["pickQueued"]>[0]> = {},
): Promise<readonly [number, number][]> {
  const { instances } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 100, ...options });
  return instances.map(({ runKey, ordinal }) => [runKey, ordinal]);
}

/** What every run store offers to dispatchers and timers. */
export function describeDispatch(open: OpenHarness): void {
  describe("picking", () => {
    it("goes by task priority, then DAG priority, then the DAG with the fewest attempts out, then age", async () => {
      const { store } = await openForTest(open);
      const old = await startRun(store, [{ id: "low" }, { id: "high", priority: 5 }]);
      const important = await startRun(store, [{ id: "low" }, { id: "high", priority: 5 }], { priority: 1 });
      const young = await startRun(store, [{ id: "low" }]);
      expect(await pick(store)).toEqual([
        [important.runKey, 1],
        [old.runKey, 1],
        [important.runKey, 0],
        [young.runKey, 0],
        [old.runKey, 0],
      ]);
      expect(await pick(store, { limit: 2 })).toHaveLength(2);
    });

    it("goes round by DAG, counting what is out and what is picked before (G14)", async () => {
      const { store } = await openForTest(open);
      const tasks = (count: number): { id: string }[] =>
        Array.from({ length: count }, (_, place) => ({ id: `t${place}` }));
      const large = await startRun(store, tasks(30));
      const busy = await startRun(store, tasks(4));
      const small = await startRun(store, tasks(2));
      await claim(store, busy.runKey, 0);
      await claim(store, busy.runKey, 1);
      const turns = (await pick(store, { limit: 8 })).map(([runKey]) => runKey);
      const [l, b, s] = [large.runKey, busy.runKey, small.runKey];
      expect(turns).toEqual([l, s, l, s, l, b, l, b]);
      expect(await pick(store)).toHaveLength(34);
    });

    it("fills with one DAG what many small ones leave", async () => {
      const { store } = await openForTest(open);
      const tasks = Array.from({ length: 60 }, (_, place) => ({ id: `t${place}` }));
      const large = await startRun(store, tasks);
      for (let count = 0; count < 20; count += 1) await startRun(store, [{ id: "one" }]);
      const picked = await pick(store, { limit: 70 });
      expect(picked).toHaveLength(70);
      expect(picked.filter(([runKey]) => runKey === large.runKey)).toHaveLength(50);
    });

    it("takes the oldest at the places that are asked for, whatever its priority", async () => {
      const { store } = await openForTest(open);
      const old = await startRun(store, [{ id: "low", priority: -5 }]);
      const young = await startRun(store, [
        { id: "high", priority: 5 },
        { id: "next", priority: 4 },
      ]);
      expect(await pick(store, { limit: 2, oldestAt: [0] })).toEqual([
        [old.runKey, 0],
        [young.runKey, 0],
      ]);
      expect(await pick(store, { limit: 2 })).toEqual([
        [young.runKey, 0],
        [young.runKey, 1],
      ]);
      // The second oldest is the most urgent, and stays where the order has it.
      expect(await pick(store, { limit: 9, oldestAt: [1, 8] })).toEqual([
        [young.runKey, 0],
        [old.runKey, 0],
        [young.runKey, 1],
      ]);
    });

    it("knows the generation and try of the claim to come", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      await runTask(store, runKey, 0, failure());
      await change(store, runKey, [clearOf([0])]);
      const { instances: picked } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 1 });
      expect(picked).toMatchObject([{ runKey, ordinal: 0, generation: 2, tryNumber: 1 }]);
    });

    it("takes only the queues and backends that are asked for", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [
        { id: "plain" },
        { id: "gpu", queue: "gpu" },
        { id: "pod", backend: "kubernetes" },
      ]);
      expect(await pick(store)).toEqual([[runKey, 0]]);
      expect(await pick(store, { queues: ["gpu", "default"] })).toEqual([
        [runKey, 0],
        [runKey, 1],
      ]);
      expect(await pick(store, { backends: ["kubernetes"] })).toEqual([[runKey, 2]]);
      expect(await pick(store, { backends: [null, "kubernetes"] })).toEqual([
        [runKey, 0],
        [runKey, 2],
      ]);
      expect(await pick(store, { queues: [] })).toEqual([]);
    });

    it("leaves out what is claimed, paused, held, or waits for a time", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [
        { id: "claimed" },
        { id: "deferred" },
        { id: "stopping" },
        { id: "ready" },
      ]);
      await claim(store, runKey, 0);
      await runTask(store, runKey, 1, { kind: "deferred", dueAt: store.now() + 3_600_000, waitsFor: null });
      await claim(store, runKey, 2);
      await change(store, runKey, [clearOf([2])]);
      expect(await pick(store)).toEqual([[runKey, 3]]);
      await change(store, runKey, [{ kind: "pause", isPaused: true }]);
      expect(await pick(store)).toEqual([]);
      await change(store, runKey, [{ kind: "pause", isPaused: false }]);
      expect(await pick(store)).toEqual([[runKey, 3]]);
    });

    it("takes a deferred instance once its time has come", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      await runTask(store, runKey, 0, { kind: "deferred", dueAt: store.now() + 1, waitsFor: null });
      await expect.poll(() => pick(store), soon).toEqual([[runKey, 0]]);
    });
  });

  describe("stamping", () => {
    const hour = 3_600_000;

    it("hides what has a ticket out, until its time is over, and says then that it had one", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b", queue: "gpu" }]);
      const queued = [0, 1].map((ordinal) => ({ runKey, ordinal, generation: 1, tryNumber: 1 }));
      expect(await store.runs.stampDispatched(queued, hour)).toEqual(
        expect.arrayContaining([
          { ...queued[0], runId, taskId: "a", mapIndex: null, queue: "default" },
          { ...queued[1], runId, taskId: "b", mapIndex: null, queue: "gpu" },
        ]),
      );
      const queues = ["default", "gpu"];
      expect(await pick(store, { queues, redispatchAfterMs: hour })).toEqual([]);
      await expect.poll(() => pick(store, { queues, redispatchAfterMs: 1 }), soon).toHaveLength(2);
      const { instances } = await store.runs.pickQueued({ queues, backends: [null], limit: 1 });
      expect(instances).toEqual([{ ...queued[0], backend: null, isPlaced: false, wasDispatched: true }]);
    });

    it("stamps once in that time, and shows at once what was taken back", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      const queued = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
      expect(await store.runs.stampDispatched([queued], hour)).toHaveLength(1);
      expect(await store.runs.stampDispatched([queued], hour)).toEqual([]);
      await store.runs.clearDispatched([{ ...queued, tryNumber: 2 }]);
      expect(await pick(store, { redispatchAfterMs: hour })).toEqual([]);
      await store.runs.clearDispatched([queued]);
      expect(await pick(store, { redispatchAfterMs: hour })).toEqual([[runKey, 0]]);
      expect(await store.runs.stampDispatched([queued], hour)).toHaveLength(1);
    });

    it("stamps for one of several at once, while a claim is under way", async () => {
      const { store } = await openForTest(open);
      const count = 30;
      const tasks = Array.from({ length: count }, (_, place) => ({ id: `t${place}` }));
      const { runKey } = await startRun(store, tasks);
      const queued = tasks.map((_, ordinal) => ({ runKey, ordinal, generation: 1, tryNumber: 1 }));
      const claims = queued
        .filter(({ ordinal }) => ordinal % 3 === 0)
        .map((instance) => ({ kind: "claim" as const, ...instance, workerKey: 1 }));
      const [claimed, ...stamped] = await Promise.all([
        change(store, runKey, claims),
        store.runs.stampDispatched(queued, hour),
        store.runs.stampDispatched(queued.toReversed(), hour),
        store.runs.stampDispatched(queued, hour),
      ]);
      expect(claimed.kind).toBe("applied");
      const ordinals = stamped.flat().map(({ ordinal }) => ordinal);
      expect(new Set(ordinals).size).toBe(ordinals.length);
      const left = queued.filter(({ ordinal }) => ordinal % 3 !== 0).map(({ ordinal }) => ordinal);
      const visible = await pick(store, { redispatchAfterMs: hour });
      expect(new Set([...ordinals, ...visible.map(([, ordinal]) => ordinal)])).toEqual(new Set([...left, ...ordinals]));
      expect(await pick(store)).toHaveLength(left.length);
    });

    it("leaves alone what is of another try or generation, held, claimed, or of no run", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "claimed" }, { id: "held" }, { id: "a" }]);
      await claim(store, runKey, 0);
      await claim(store, runKey, 1);
      await change(store, runKey, [clearOf([1])]);
      const queued = { runKey, ordinal: 2, generation: 1, tryNumber: 1 };
      const wrong = [
        { ...queued, ordinal: 0 },
        { ...queued, ordinal: 1, generation: 2 },
        { ...queued, generation: 2 },
        { ...queued, tryNumber: 2 },
        { ...queued, runKey: runKey + 1 },
        { ...queued, ordinal: 3 },
      ];
      expect(await store.runs.stampDispatched(wrong, hour)).toEqual([]);
      expect(await store.runs.stampDispatched([], hour)).toEqual([]);
      await store.runs.clearDispatched([...wrong, queued]);
      expect(await pick(store, { redispatchAfterMs: hour })).toEqual([[runKey, 2]]);
    });

    it("says nothing of a later life of the instance", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      const queued = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
      await store.runs.stampDispatched([queued], hour);
      await runTask(store, runKey, 0, { kind: "deferred", dueAt: null, waitsFor: null });
      const picking = { queues: ["default"], backends: [null], limit: 1, redispatchAfterMs: hour };
      expect((await store.runs.pickQueued(picking)).instances).toEqual([
        { ...queued, tryNumber: 2, backend: null, isPlaced: false, wasDispatched: false },
      ]);
      await store.runs.stampDispatched([{ ...queued, tryNumber: 2 }], hour);
      await change(store, runKey, [clearOf([0])]);
      expect((await store.runs.pickQueued(picking)).instances).toEqual([
        { ...queued, generation: 2, backend: null, isPlaced: false, wasDispatched: false },
      ]);
    });

    it("does not change what a claim finds", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      await store.runs.stampDispatched([{ runKey, ordinal: 0, generation: 1, tryNumber: 1 }], hour);
      expect(await claim(store, runKey, 0)).toBe(1);
      expect(await pick(store)).toEqual([]);
    });
  });

  describe("timers", () => {
    it("say when a retry is due, and list it then", async () => {
      const { store } = await openForTest(open);
      const slow = await startRun(store, [
        { id: "a", retry: { maxRetries: 1, delayMs: 3_600_000, maxDelayMs: 7_200_000 } },
      ]);
      expect(await store.runs.nextDueInMs()).toBeNull();
      await runTask(store, slow.runKey, 0, failure());
      expect(await store.runs.listDue(10)).toEqual([]);
      const wait = await store.runs.nextDueInMs();
      expect(wait).toBeGreaterThan(3_000_000);
      expect(wait).toBeLessThan(4_200_000);
      const quick = await startRun(store, [{ id: "a", retry: { maxRetries: 1, delayMs: 1 } }]);
      await runTask(store, quick.runKey, 0, failure());
      await expect
        .poll(() => store.runs.listDue(10), soon)
        .toMatchObject([{ runKey: quick.runKey, ordinal: 0, what: "retry" }]);
      const [due] = await store.runs.listDue(10);
      await change(store, quick.runKey, [{ kind: "retry_due", ordinal: 0, fence: due?.fence ?? -1 }]);
      expect(await store.runs.listDue(10)).toEqual([]);
      expect(await pick(store)).toEqual([[quick.runKey, 0]]);
    });

    it("list what waited too long for a worker", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [
        { id: "a", queueTimeoutMs: 1 },
        { id: "b", queueTimeoutMs: 3_600_000 },
      ]);
      await expect
        .poll(() => store.runs.listDue(10), soon)
        .toEqual([{ runKey, ordinal: 0, fence: 0, what: "queue_timeout" }]);
      await change(store, runKey, [{ kind: "instance_timeout", ordinal: 0, fence: 0, which: "queue_timeout" }]);
      expect(await store.runs.listDue(10)).toEqual([]);
      expect(await store.runs.nextDueInMs()).toBeGreaterThan(3_000_000);
    });

    it("list what tried for too long", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [
        { id: "a", retry: { maxRetries: 5, delayMs: 3_600_000, maxDelayMs: 7_200_000, retryTimeoutMs: 1 } },
      ]);
      await claim(store, runKey, 0);
      await expect
        .poll(() => store.runs.listDue(10), soon)
        .toMatchObject([{ runKey, ordinal: 0, fence: 1, what: "retry_timeout" }]);
    });

    it("list a run whose time is over, until nothing of it is left to end", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }], { runTimeoutMs: 1 });
      await expect
        .poll(() => store.runs.listDue(10), soon)
        .toEqual([{ runKey, ordinal: null, fence: 0, what: "run_timeout" }]);
      await change(store, runKey, [{ kind: "run_timeout" }]);
      expect(await store.runs.listDue(10)).toEqual([]);
    });

    it("list it no more while its hooks go on", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }, hookSpec(["a"], "run", "failure")], { runTimeoutMs: 1 });
      await expect.poll(() => store.runs.listDue(10), soon).toMatchObject([{ runKey, what: "run_timeout" }]);
      await change(store, runKey, [{ kind: "run_timeout" }]);
      expect((await readInstances(store, runKey)).map(({ state }) => state)).toEqual(["failed", "queued"]);
      expect(await store.runs.listDue(10)).toEqual([]);
    });

    it("forget what ended before its time", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "a", {
        tasks: [{ id: "a", queueTimeoutMs: 3_600_000 }],
        runTimeoutMs: 3_600_000,
      });
      const created = await store.runs.createRun(newRun(keys));
      expect(await store.runs.nextDueInMs()).toBeGreaterThan(3_000_000);
      await change(store, created.kind === "created" ? created.runKey : 0, [{ kind: "cancel", reason: "test" }]);
      expect(await store.runs.nextDueInMs()).toBeNull();
    });
  });
}
