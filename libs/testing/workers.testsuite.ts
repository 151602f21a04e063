import { describe, expect, it } from "vitest";
import { mostQueuedTold } from "#core/queue-depth.ts";
import type { Store } from "#ports/store.ts";
import type { WorkerStatus } from "#ports/worker-views.ts";
import { change, claim, readInstances, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { beatOf, hello, listWorkers, registerWorker } from "./worker-builder.ts";

const lostWithin = { timeout: 20_000, interval: 5 };

/** What every worker store does. */
export function describeWorkers(open: OpenHarness): void {
  it("gives each session of an incarnation the next number, on one row", async () => {
    const { store } = await openForTest(open);
    const first = await registerWorker(store, hello("w"));
    const second = await registerWorker(store, hello("w"));
    expect(second).toMatchObject({ workerKey: first.workerKey, sessionNumber: first.sessionNumber + 1 });
  });

  it("refuses a second worker with a living one's id, also when both come at once", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const results = await Promise.all([
      store.workers.register(hello("w", { incarnation: "one" })),
      other.workers.register(hello("w", { incarnation: "two" })),
    ]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(["refused", "registered"]);
    expect(await store.workers.register(hello("w", { incarnation: "three" }))).toEqual({
      kind: "refused",
      reason: "id_in_use",
    });
  });

  it("marks the predecessor lost when the new incarnation names it", async () => {
    const { store } = await openForTest(open);
    const first = await registerWorker(store, hello("w", { incarnation: "one" }));
    const second = await registerWorker(store, hello("w", { incarnation: "two", predecessors: ["one"] }));
    expect(second.workerKey).not.toBe(first.workerKey);
    expect(await store.workers.beat([beatOf(first)])).toEqual([]);
    expect(await store.workers.register(hello("w", { incarnation: "one" }))).toEqual({
      kind: "refused",
      reason: "incarnation_lost",
    });
  });

  it("knows the predecessor also behind starts that were never welcomed", async () => {
    const { store } = await openForTest(open);
    await registerWorker(store, hello("w", { incarnation: "one" }));
    await registerWorker(store, hello("w", { incarnation: "three", predecessors: ["one", "two"] }));
    expect(await listWorkers(store)).toMatchObject([{ workerId: "w", incarnation: "three" }]);
  });

  it("lets a new incarnation in when the lease of the old one is over", async () => {
    const { store } = await openForTest(open);
    await registerWorker(store, hello("w", { incarnation: "one", leaseMs: 1 }));
    await expect
      .poll(async () => (await store.workers.register(hello("w", { incarnation: "two" }))).kind, lostWithin)
      .toBe("registered");
  });

  it("renews leases of present sessions alone, and answers which", async () => {
    const { store } = await openForTest(open);
    const a = await registerWorker(store, hello("a"));
    const b = await registerWorker(store, hello("b"));
    const newer = await registerWorker(store, hello("b"));
    expect(await store.workers.beat([beatOf(a), beatOf(b)])).toEqual([{ workerKey: a.workerKey, drainReason: null }]);
    expect(await store.workers.beat([beatOf(newer)])).toEqual([{ workerKey: b.workerKey, drainReason: null }]);
    expect(await store.workers.beat([])).toEqual([]);
    expect(await listWorkers(store)).toMatchObject([
      { workerId: "a", status: "healthy", slots: 4, freeSlots: 2 },
      { workerId: "b", status: "healthy", slots: 4, freeSlots: 2 },
    ]);
  });

  it("marks a worker lost once its lease and the margin are over; then its beats are refused", async () => {
    const { store } = await openForTest(open);
    const short = await registerWorker(store, hello("short", { leaseMs: 1 }));
    await registerWorker(store, hello("long"));
    expect(await store.workers.markLost(60_000)).toEqual([]);
    await expect
      .poll(() => store.workers.markLost(0), lostWithin)
      .toEqual([{ workerKey: short.workerKey, workerId: "short" }]);
    expect(await store.workers.markLost(0)).toEqual([]);
    expect(await store.workers.beat([beatOf(short)])).toEqual([]);
    expect(await listWorkers(store)).toMatchObject([
      { workerId: "long", status: "starting" },
      { workerId: "short", status: "lost" },
    ]);
  });

  it("signs off the present session alone; its incarnation does not come back", async () => {
    const { store } = await openForTest(open);
    const old = await registerWorker(store, hello("w"));
    const present = await registerWorker(store, hello("w"));
    await store.workers.signOff(old.workerKey, old.sessionNumber);
    expect(await listWorkers(store)).toHaveLength(1);
    await store.workers.signOff(present.workerKey, present.sessionNumber);
    expect(await listWorkers(store)).toEqual([]);
    expect(await store.workers.register(hello("w"))).toEqual({ kind: "refused", reason: "incarnation_lost" });
    expect((await registerWorker(store, hello("w", { incarnation: "next" }))).sessionNumber).toBe(1);
  });

  describe("an outcome that the next start has", () => {
    const held = async (store: Store, workerKey: number) =>
      (await store.runs.listHeldByWorker(workerKey)).map(({ taskId, fence }) => ({ taskId, fence }));

    it("keeps its attempt, which the reaper never sees; what has none is the reaper's", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const first = await registerWorker(store, hello("w", { incarnation: "one" }));
      const run = await startRun(store, [{ id: "a" }, { id: "b" }]);
      const fence = await claim(store, run.runKey, 0, first.workerKey);
      await claim(other, run.runKey, 1, first.workerKey);
      const outcomes = [{ runId: run.runId, taskId: "a", mapIndex: null, fence }];
      const second = await registerWorker(store, hello("w", { incarnation: "two", predecessors: ["one"], outcomes }));
      expect(await held(store, second.workerKey)).toEqual([{ taskId: "a", fence }]);
      expect((await store.runs.listHeldByLostWorkers(10)).map(({ taskId }) => taskId)).toEqual(["b"]);
      // Another executor, which knew the run as it was, decides on what it is.
      const outcome = { kind: "outcome", ordinal: 0, fence, outcome: success } as const;
      expect((await change(other, run.runKey, [outcome])).kind).toBe("applied");
      expect((await change(store, run.runKey, [outcome])).kind).toBe("unchanged");
      const [instance] = await readInstances(store, run.runKey);
      expect(instance).toMatchObject({ state: "success", workerKey: second.workerKey });
    });

    it("goes on from start to start, and is taken from a start that was declared lost", async () => {
      const { store } = await openForTest(open);
      const first = await registerWorker(store, hello("w", { incarnation: "one", leaseMs: 1 }));
      const run = await startRun(store, [{ id: "a" }]);
      const fence = await claim(store, run.runKey, 0, first.workerKey);
      await expect.poll(() => store.workers.markLost(0), lostWithin).toHaveLength(1);
      const outcomes = [{ runId: run.runId, taskId: "a", mapIndex: null, fence }];
      await registerWorker(store, hello("w", { incarnation: "two", predecessors: ["one"], outcomes }));
      const third = await registerWorker(
        store,
        hello("w", { incarnation: "three", predecessors: ["one", "two"], outcomes }),
      );
      expect(await held(store, third.workerKey)).toEqual([{ taskId: "a", fence }]);
    });

    it("is nothing when the attempt was given up, is another try's, or another worker's", async () => {
      const { store } = await openForTest(open);
      const first = await registerWorker(store, hello("w", { incarnation: "one" }));
      const other = await registerWorker(store, hello("other", { incarnation: "else" }));
      const run = await startRun(store, [{ id: "a" }, { id: "b" }, { id: "c" }]);
      const fences = [
        await claim(store, run.runKey, 0, first.workerKey),
        await claim(store, run.runKey, 1, first.workerKey),
        await claim(store, run.runKey, 2, other.workerKey),
      ];
      await change(store, run.runKey, [{ kind: "lost", ordinal: 0, fence: fences[0] ?? 0, free: false }]);
      const of = (taskId: string, fence = 0) => ({ runId: run.runId, taskId, mapIndex: null, fence });
      const outcomes = [of("a", fences[0]), of("b", (fences[1] ?? 0) + 1), of("c", fences[2])];
      const second = await registerWorker(
        store,
        hello("w", { incarnation: "two", predecessors: ["one", "else"], outcomes }),
      );
      expect(await held(store, second.workerKey)).toEqual([]);
      expect(await held(store, other.workerKey)).toEqual([{ taskId: "c", fence: fences[2] }]);
    });
  });

  describe("status", () => {
    it("is starting, or recovering for one that comes back, until it is admitted", async () => {
      const { store } = await openForTest(open);
      const first = await registerWorker(store, hello("w"));
      expect(await listWorkers(store)).toMatchObject([{ status: "starting" }]);
      await store.workers.admit(first.workerKey, first.sessionNumber);
      expect(await listWorkers(store)).toMatchObject([{ status: "healthy" }]);
      const next = await registerWorker(store, hello("w", { incarnation: "w-2", predecessors: ["w-1"] }));
      expect(await listWorkers(store)).toMatchObject([{ status: "recovering", incarnation: "w-2" }]);
      await store.workers.admit(next.workerKey, next.sessionNumber + 1);
      expect(await listWorkers(store)).toMatchObject([{ status: "recovering" }]);
    });

    it("is what its last beat said, with what it uses and what it has done", async () => {
      const { store } = await openForTest(open);
      const worker = await registerWorker(store, hello("w"));
      const usage = { cpuPercent: 97.5, memoryPercent: 40, diskPercent: 12.3 };
      const counts = { succeeded: 3, failed: 1 };
      const lastTaskAt = Math.floor(store.now());
      const full = { status: "degraded", statusReason: "cpu at 97 %", usage, counts, lastTaskAt } as const;
      await store.workers.beat([beatOf(worker, full)]);
      const { counts: _, ...said } = full;
      expect(await listWorkers(store)).toMatchObject([{ ...said, succeededCount: 3, failedCount: 1 }]);
      await store.workers.beat([beatOf(worker, { counts: { succeeded: 4, failed: 1 } })]);
      expect(await listWorkers(store)).toMatchObject([
        { status: "healthy", statusReason: "", usage: null, succeededCount: 4, lastTaskAt },
      ]);
      const again = await registerWorker(store, hello("w"));
      expect(again.counts).toEqual({ succeeded: 4, failed: 1 });
      await store.workers.signOff(again.workerKey, again.sessionNumber, {
        counts: { succeeded: 6, failed: 1 },
        lastTaskAt: null,
      });
      const totals = await store.queries.listWorkerTotals({ limit: 10, cursor: null, sort: "-failed" });
      expect(totals.items).toEqual([
        { workerId: "w", incarnations: 1, losses: 0, succeededCount: 6, failedCount: 1, lastTaskAt },
      ]);
    });

    it("is degraded for those that are silent, until their next beat", async () => {
      const { store } = await openForTest(open);
      const worker = await registerWorker(store, hello("w"));
      await store.workers.beat([beatOf(worker)]);
      await store.workers.markSilent(60_000);
      expect(await listWorkers(store)).toMatchObject([{ status: "healthy" }]);
      await expect
        .poll(async () => {
          await store.workers.markSilent(1);
          return (await listWorkers(store))[0]?.status;
        }, lostWithin)
        .toBe("degraded");
      await store.workers.beat([beatOf(worker)]);
      expect(await listWorkers(store)).toMatchObject([{ status: "healthy" }]);
    });
  });

  describe("a drain", () => {
    it("is told with each beat and each new session of the start that was asked, and not to the next start", async () => {
      const { store } = await openForTest(open);
      const { workerKey, ...first } = await registerWorker(store, hello("w"));
      expect(await store.workers.requestDrain("w", "a new kernel")).toBe(workerKey);
      expect(await store.workers.requestDrain("w", "again")).toBe(workerKey);
      expect(await store.workers.readDrainReason(workerKey)).toBe("a new kernel");
      expect(await store.workers.beat([beatOf({ workerKey, ...first })])).toEqual([
        { workerKey, drainReason: "a new kernel" },
      ]);
      const again = await registerWorker(store, hello("w"));
      expect(again.drainReason).toBe("a new kernel");
      await store.workers.signOff(again.workerKey, again.sessionNumber);
      expect(await store.workers.requestDrain("w", "late")).toBeNull();
      expect(await store.workers.readDrainReason(workerKey)).toBeNull();
      expect((await registerWorker(store, hello("w", { incarnation: "w-2" }))).drainReason).toBeNull();
    });
  });

  describe("lists", () => {
    it("show the newest start of each worker, by its state, and all starts of one", async () => {
      const { store } = await openForTest(open);
      await registerWorker(store, hello("a"));
      await registerWorker(store, hello("a", { incarnation: "a-2", predecessors: ["a-1"] }));
      const b = await registerWorker(store, hello("b"));
      await store.workers.signOff(b.workerKey, b.sessionNumber);
      const ids = async (...states: readonly WorkerStatus[]) =>
        (await listWorkers(store, states)).map(({ incarnation }) => incarnation);
      expect(await ids()).toEqual(["a-2"]);
      expect(await ids("stopped", "healthy")).toEqual(["b-1"]);
      expect(await ids("lost")).toEqual([]);
      const starts = await store.queries.listIncarnations("a", 10);
      expect(starts.map(({ incarnation, status }) => [incarnation, status])).toEqual([
        ["a-2", "recovering"],
        ["a-1", "lost"],
      ]);
      expect(await store.queries.listIncarnations("a", 1)).toHaveLength(1);
      expect(await store.queries.countWorkers()).toBe(1);
    });

    it("show what a worker has, and queues with what waits and who serves them", async () => {
      const { store } = await openForTest(open);
      const worker = await registerWorker(store, hello("w", { queues: ["default", "idle"], slots: 8 }));
      await store.workers.beat([beatOf(worker, { freeSlots: 5 })]);
      const run = await startRun(store, [{ id: "a" }, { id: "b" }, { id: "c", queue: "unserved" }]);
      await claim(store, run.runKey, 0, worker.workerKey);
      expect(await store.queries.listActiveTasks([worker.workerKey, -1], 10)).toMatchObject([
        { workerKey: worker.workerKey, runId: run.runId, taskId: "a", mapIndex: null, tryNumber: 1 },
      ]);
      const oldestAt = expect.any(Number) as number;
      expect(await store.queries.listQueues()).toEqual([
        { queue: "default", depth: 1, hasMore: false, oldestAt, workers: 1, slots: 8, freeSlots: 5 },
        { queue: "idle", depth: 0, hasMore: false, oldestAt: null, workers: 1, slots: 8, freeSlots: 5 },
        { queue: "unserved", depth: 1, hasMore: false, oldestAt, workers: 0, slots: 0, freeSlots: 0 },
      ]);
    });
  });

  it("counts what waits in a queue up to a limit, and says when more does", async () => {
    const { store } = await openForTest(open);
    const tasks = Array.from({ length: mostQueuedTold + 1 }, (_, place) => ({ id: `t${place}` }));
    const { runKey } = await startRun(store, [...tasks, { id: "last", pool: "db", queue: "pooled" }]);
    const oldestAt = (await readInstances(store, runKey))[0]?.queuedAt;
    const [many, few] = await store.queries.listQueues();
    expect(many).toMatchObject({ queue: "default", depth: mostQueuedTold, hasMore: true, oldestAt });
    expect(few).toMatchObject({ queue: "pooled", depth: 1, hasMore: false, oldestAt });
    await claim(store, runKey, 0);
    expect((await store.queries.listQueues())[0]).toMatchObject({ depth: mostQueuedTold, hasMore: false });
  });

  describe("events", () => {
    it("tell who came and who went", async () => {
      const { store } = await openForTest(open);
      const worker = await registerWorker(store, hello("w"));
      await store.workers.signOff(worker.workerKey, worker.sessionNumber);
      const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
      await store.events.publish(lease?.epoch ?? 0, 100);
      const events = await store.events.readAfter({ afterId: 0, limit: 100, filter: { resourceType: "worker" } });
      expect(events.map(({ eventType, resourceId }) => [eventType, resourceId])).toEqual([
        ["worker.connected", "w"],
        ["worker.disconnected", "w"],
      ]);
    });
  });
}
