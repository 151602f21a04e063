import { describe, expect, it } from "vitest";
import type { ExplainAbout, ExplainPlace } from "#ports/explanation-facts.ts";
import { clearOf } from "./run-driver.ts";
import { change, claim, failure, runTask, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { beatOf, hello, listWorkers, registerWorker } from "./worker-builder.ts";

const all = { ordinal: null, limit: 100 };

/** The facts that every store gives of what waits. */
export function describeExplain(open: OpenHarness): void {
  describe("facts of what waits", () => {
    it("have the instances that have not ended, what is nearest to running first, with their parents", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [
        { id: "last", parents: ["retried", "runs", "done"] },
        { id: "runs" },
        { id: "done" },
        { id: "retried", retry: { maxRetries: 1 } },
        { id: "waits", queue: "gpu" },
        { id: "looked_at", parents: ["done"], evaluated: true },
      ]);
      const { workerKey } = await registerWorker(store, hello("w1"));
      await claim(store, runKey, 1, workerKey);
      await runTask(store, runKey, 2, success);
      await runTask(store, runKey, 3, failure());
      const facts = await store.queries.explain(runId, all);
      expect(facts?.run).toEqual({
        runId,
        state: "running",
        isPaused: false,
        isAdmitted: true,
        needs: [],
        endedAt: null,
      });
      expect(facts?.unfinishedCount).toBe(5);
      expect(facts?.instances.map(({ taskId, state }) => [taskId, state])).toEqual([
        ["waits", "queued"],
        ["retried", "up_for_retry"],
        ["looked_at", "none"],
        ["runs", "running"],
        ["last", "none"],
      ]);
      const [waits, retried, lookedAt, runs, last] = facts?.instances ?? [];
      expect(waits).toMatchObject({ queue: "gpu", parents: [], isHeld: false });
      expect((retried?.dueAt ?? 0) - (facts?.now ?? 0)).toBeGreaterThan(20_000);
      expect(lookedAt).toMatchObject({ awaitsEvaluation: true, parents: [{ taskId: "done", state: "success" }] });
      expect(runs).toMatchObject({ isHeld: true, workerId: "w1", tryNumber: 1 });
      expect(last?.parents).toEqual([
        { taskId: "retried", state: "up_for_retry" },
        { taskId: "runs", state: "running" },
        { taskId: "done", state: "success" },
      ]);
    });

    it("have the workers in service with their queues, and how much waits in the queues", async () => {
      const { store } = await openForTest(open);
      const { runId } = await startRun(store, [{ id: "a" }, { id: "b" }, { id: "c", queue: "gpu" }]);
      await startRun(store, [{ id: "other" }]);
      await registerWorker(store, hello("w2", { slots: 3 }));
      const gone = await registerWorker(store, hello("w1"));
      await store.workers.signOff(gone.workerKey, gone.sessionNumber);
      const facts = await store.queries.explain(runId, all);
      expect(facts?.workers).toMatchObject([{ workerId: "w2", queues: ["default"], slots: 3, freeSlots: 3 }]);
      expect(Object.fromEntries(facts?.queueDepths ?? [])).toEqual({ default: 3, gpu: 1 });
    });

    it("have what is asked for, and what workers have and have left, as the list of workers shows it", async () => {
      const { store } = await openForTest(open);
      const requests = { milliCpus: 500, memoryBytes: 2 ** 30, diskBytes: 0, gpus: 1 };
      const asking = { requests, capabilities: ["container"] };
      const { runKey, runId } = await startRun(store, [
        { id: "runs", ...asking },
        { id: "waits", ...asking },
        { id: "any" },
      ]);
      const resources = { milliCpus: 4000, memoryBytes: 8 * 2 ** 30, diskBytes: 2 ** 40, gpus: 1 };
      const room = { milliCpus: 3500, memoryBytes: 7 * 2 ** 30, diskBytes: 2 ** 40, gpus: 0 };
      const given = hello("w", { resources, hostCapabilities: ["container", "network:none"] });
      const { workerKey } = await registerWorker(store, given);
      await registerWorker(store, hello("idle", { resources }));
      await claim(store, runKey, 0, workerKey);
      await claim(store, runKey, 2, workerKey);
      const facts = await store.queries.explain(runId, all);
      expect(facts?.instances.find(({ taskId }) => taskId === "waits")).toMatchObject(asking);
      expect(facts?.instances.find(({ taskId }) => taskId === "any")).toMatchObject({
        ...{ capabilities: [], requests: { milliCpus: 0, memoryBytes: 0, diskBytes: 0, gpus: 0 } },
      });
      expect(facts?.workers).toMatchObject([
        { workerId: "idle", capabilities: [], resources, room: resources },
        { workerId: "w", capabilities: ["container", "network:none"], resources, room },
      ]);
      expect(await listWorkers(store)).toMatchObject([
        { workerId: "idle", hostCapabilities: [], resources, room: resources },
        { workerId: "w", hostCapabilities: ["container", "network:none"], resources, room },
      ]);
      await change(store, runKey, [clearOf([0])]);
      expect((await listWorkers(store))[1]?.room).toEqual(room);
    });

    it("have what a worker keeps its room for, by its last beat and while that waits", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const { runKey, runId } = await startRun(store, [{ id: "big" }, { id: "small" }]);
      const session = await registerWorker(store, hello("w"));
      const reservedFor = { runKey, ordinal: 0, reservedAt: Date.UTC(2026, 0, 31) };
      const seen = async () => (await other.queries.explain(runId, all))?.workers.map((worker) => worker.reservedFor);
      expect(await seen()).toEqual([null]);
      await store.workers.beat([beatOf(session, { reservedFor })]);
      expect(await seen()).toEqual([{ runId, taskId: "big", mapIndex: null, reservedAt: Date.UTC(2026, 0, 31) }]);
      await store.workers.beat([beatOf(session)]);
      expect(await seen()).toEqual([null]);
      await store.workers.beat([beatOf(session, { reservedFor })]);
      await registerWorker(store, hello("w", { connection: 1 }));
      expect(await seen()).toEqual([null]);
      await store.workers.beat([beatOf({ ...session, sessionNumber: 2 }, { reservedFor })]);
      await claim(store, runKey, 0, session.workerKey);
      expect(await seen()).toEqual([null]);
    });

    it("have what still stops, and what waits for it", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "each", evaluated: true }]);
      const items = [{ key: "x" }];
      const fanOut = (generation: number) =>
        ({ kind: "evaluated", ordinal: 0, generation, result: { kind: "fan_out", items } }) as const;
      await change(store, runKey, [fanOut(1)]);
      await claim(store, runKey, 1);
      await change(store, runKey, [clearOf([0])]);
      expect((await store.queries.explain(runId, all))?.instances).toMatchObject([
        { taskId: "each", mapIndex: null, awaitsEvaluation: true, isTaskHeld: true, isHeld: false },
        { taskId: "each", mapIndex: 0, itemKey: "x", state: "removed", isHeld: true },
      ]);
    });

    it("are of one instance where one is asked for, ended or not, and of as many as asked for", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c" }]);
      await runTask(store, runKey, 0, failure());
      const one = await store.queries.explain(runId, { ordinal: 1, limit: 10 });
      expect(one?.instances).toMatchObject([
        { taskId: "b", state: "upstream_failed", parents: [{ taskId: "a", state: "failed" }] },
      ]);
      await change(store, runKey, [clearOf([0])]);
      const two = await store.queries.explain(runId, { ordinal: null, limit: 2 });
      expect([two?.instances.length, two?.unfinishedCount]).toEqual([2, 3]);
      expect(await store.queries.explain("nobody", all)).toBeNull();
    });

    it("go on after a place, and are of those instances alone that are named", async () => {
      const { store } = await openForTest(open);
      const ids = ["d", "e", "a", "b", "c"];
      const parents = (id: string) => (id === "a" ? [] : ["a"]);
      const { runKey, runId } = await startRun(
        store,
        ids.map((id) => ({ id, parents: parents(id), evaluated: id === "c" })),
      );
      await runTask(store, runKey, 2, success);
      const items = [{ key: "x" }, { key: "y" }];
      await change(store, runKey, [
        { kind: "evaluated", ordinal: 4, generation: 1, result: { kind: "fan_out", items } },
      ]);
      await claim(store, runKey, 0);
      const read = async (about: Partial<ExplainAbout>) => {
        const facts = await store.queries.explain(runId, { ...all, ...about });
        const names = facts?.instances.map(({ taskId, itemKey }) => `${taskId}${itemKey ?? ""}`);
        return { names, count: facts?.unfinishedCount, next: facts?.next ?? null };
      };
      const whole = await read({});
      expect(whole).toEqual({ names: ["e", "b", "c", "cx", "cy", "d"], count: 6, next: null });
      const pages: (readonly string[] | undefined)[] = [];
      let after: ExplainPlace | null = null;
      do {
        const page = await read({ limit: 2, ...(after === null ? {} : { after }) });
        expect(page.count).toBe(6 - 2 * pages.length);
        pages.push(page.names);
        after = page.next;
      } while (after !== null);
      expect(pages).toEqual([
        ["e", "b"],
        ["c", "cx"],
        ["cy", "d"],
      ]);
      const instanceIds = ["d", "c__y", "a", "nothing"].map((name) => `${runId}__${name}`);
      expect(await read({ instanceIds })).toEqual({ names: ["cy", "d"], count: 2, next: null });
      expect(await read({ instanceIds: [] })).toEqual({ names: [], count: 0, next: null });
    });
  });
}
