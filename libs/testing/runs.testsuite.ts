import { describe, expect, it } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { Store } from "#ports/store.ts";
import { clearOf } from "./run-driver.ts";
import { change, claim, failure, readInstances, runTask, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { hello, registerWorker } from "./worker-builder.ts";

const claimOfFirst = {
  kind: "claim" as const,
  ordinal: 0,
  generation: 1,
  tryNumber: 1,
  workerKey: 1,
} satisfies RunEvent;
const soon = { timeout: 20_000, interval: 5 };

async function statesOf(store: Store, runKey: number): Promise<readonly string[]> {
  return (await readInstances(store, runKey)).map((instance) => instance.state);
}

/** How every run store changes runs. */
export function describeRuns(open: OpenHarness): void {
  describe("a change", () => {
    it("is written with its attempt, its children and its outputs", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b", parents: ["a"] }]);
      const fence = await claim(store, runKey, 0, 7);
      expect(fence).toBe(1);
      expect(await store.queries.listAttempts(runKey, 0)).toMatchObject([{ state: "running", tryNumber: 1 }]);
      const outcome = { kind: "success" as const, outputs: [{ key: "k", json: '"v"' }] };
      const usage = { cpuMs: 1200, memoryPeakBytes: 2 ** 33 };
      const result = await change(store, runKey, [{ kind: "outcome", ordinal: 0, fence, outcome, usage }]);

      expect(result).toMatchObject({ kind: "applied", run: { run: { state: "running" } } });
      expect(await statesOf(store, runKey)).toEqual(["success", "queued"]);
      expect(await store.queries.listAttempts(runKey, 0)).toMatchObject([{ state: "success", tryNumber: 1, ...usage }]);
      expect(await store.queries.getInstance(`${runId}__a`)).toMatchObject(usage);
      expect(await store.runs.readOutputs(runKey, [0, 1])).toEqual([{ ordinal: 0, key: "k", json: '"v"' }]);
      await runTask(store, runKey, 1, success);
      const run = await store.queries.getRun(runId);
      expect(run).toMatchObject({ state: "success", counts: { success: 2 } });
      expect(run?.endedAt).not.toBeNull();
    });

    it("is nothing for a refused event, and missing for a run that is not there", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      const fence = await claim(store, runKey, 0);
      const stale = await change(store, runKey, [{ kind: "outcome", ordinal: 0, fence: fence - 1, outcome: success }]);
      expect(stale.kind).toBe("unchanged");
      expect((await change(store, -1, [claimOfFirst])).kind).toBe("missing");
      expect(await store.runs.changeRuns([])).toEqual([]);
    });

    it("fails what hangs on a failure and goes on with the rest", async () => {
      const { store } = await openForTest(open);
      const tasks = [
        { id: "bad" },
        { id: "below", parents: ["bad"] },
        { id: "beside" },
        { id: "after", parents: ["below"], triggerRule: "all_done" as const },
      ];
      const { runKey, runId } = await startRun(store, tasks);
      await runTask(store, runKey, 0, failure());
      expect(await statesOf(store, runKey)).toEqual(["failed", "upstream_failed", "queued", "queued"]);
      expect(await store.queries.getRun(runId)).toMatchObject({ state: "failed", endedAt: null });
      await runTask(store, runKey, 2, success);
      await runTask(store, runKey, 3, success);
      expect(await store.queries.getRun(runId)).toMatchObject({
        state: "failed",
        counts: { failed: 1, upstream_failed: 1, success: 2 },
      });
    });

    it("of a rerun begins the next generation without outputs, and keeps the attempts before", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a" }]);
      await runTask(store, runKey, 0, { kind: "success", outputs: [{ key: "k", json: "1" }] });
      await change(store, runKey, [clearOf([0])]);
      expect(await readInstances(store, runKey)).toMatchObject([{ state: "queued", generation: 2, tryNumber: 0 }]);
      expect(await store.runs.readOutputs(runKey, [0])).toEqual([]);
      await claim(store, runKey, 0);
      const attempts = await store.queries.listAttempts(runKey, 0);
      expect(attempts.map(({ generation, tryNumber, state }) => [generation, tryNumber, state])).toEqual([
        [1, 1, "success"],
        [2, 1, "running"],
      ]);
    });

    it("adds the items of a fan-out behind the tasks", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [
        { id: "each", evaluated: true },
        { id: "after", parents: ["each"] },
      ]);
      expect(await store.runs.listAwaitingEvaluation(10)).toMatchObject([{ runKey, ordinal: 0 }]);
      const items = [{ key: "x" }, { key: "y" }];
      await change(store, runKey, [
        { kind: "evaluated", ordinal: 0, generation: 1, result: { kind: "fan_out", items } },
      ]);
      expect(await store.runs.listAwaitingEvaluation(10)).toEqual([]);
      expect(await readInstances(store, runKey)).toMatchObject([
        { ordinal: 0, itemsTotal: 2 },
        { ordinal: 1, state: "none" },
        { ordinal: 2, task: 0, mapIndex: 0, itemKey: "x", state: "queued" },
        { ordinal: 3, task: 0, mapIndex: 1, itemKey: "y", state: "queued" },
      ]);
      await runTask(store, runKey, 2, success);
      await runTask(store, runKey, 3, success);
      expect(await statesOf(store, runKey)).toEqual(["success", "queued", "success", "success"]);
    });
  });

  describe("guards", () => {
    it("let one of two claims of an instance win", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const { runKey } = await startRun(
        store,
        Array.from({ length: 20 }, (_, place) => ({ id: `t${place}` })),
      );
      for (let ordinal = 0; ordinal < 20; ordinal += 1) {
        const results = await Promise.all([
          change(store, runKey, [{ ...claimOfFirst, ordinal, workerKey: 1 }]),
          change(other, runKey, [{ ...claimOfFirst, ordinal, workerKey: 2 }]),
        ]);
        expect(results.filter((result) => result.kind === "applied")).toHaveLength(1);
        expect(await store.queries.listAttempts(runKey, ordinal)).toHaveLength(1);
      }
    });

    it("let every outcome count when several executors write one run at once", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const width = 12;
      const leaves = Array.from({ length: width }, (_, place) => ({ id: `t${place}` }));
      const { runKey } = await startRun(store, [...leaves, { id: "join", parents: leaves.map((leaf) => leaf.id) }]);
      const fences: number[] = [];
      for (const [ordinal] of leaves.entries()) fences.push(await claim(store, runKey, ordinal));
      const write = async (ordinal: number): Promise<void> => {
        const writer = ordinal % 2 === 0 ? store : other;
        const event: RunEvent = { kind: "outcome", ordinal, fence: fences[ordinal] ?? 0, outcome: success };
        await expect.poll(async () => (await change(writer, runKey, [event])).kind, soon).not.toBe("busy");
      };
      await Promise.all(leaves.map((_, ordinal) => write(ordinal)));
      const instances = await readInstances(other, runKey);
      expect(instances[width]).toMatchObject({ state: "queued", inDegree: 0, parents: { success: width } });
    });

    it("decide again on what is there when a cached run is stale", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const { runKey } = await startRun(store, [{ id: "a" }, { id: "b" }]);
      await claim(store, runKey, 0);
      await claim(other, runKey, 1);
      const seen: string[][] = [];
      const decide = (run: RunAggregate): Decision | null => {
        seen.push(run.instances.map((instance) => instance.state));
        return decideRun(run, [{ kind: "cancel", reason: "test" }], store.now());
      };
      const [result] = await store.runs.changeRuns([{ runKey, decide }]);
      expect(result?.kind).toBe("applied");
      expect(seen.at(-1)).toEqual(["running", "running"]);
      expect(await statesOf(other, runKey)).toEqual(["skipped", "skipped"]);
    });

    it("refuse a whole batch when one row is not as the decision expects, and leave nothing of it", async () => {
      const { store } = await openForTest(open);
      const honest = await startRun(store, [{ id: "a" }]);
      const forged = await startRun(store, [{ id: "a" }, { id: "b" }]);
      const before = await Promise.all([honest, forged].map(({ runId }) => store.queries.getRun(runId)));
      const forge = (run: RunAggregate): Decision | null => {
        const decision = decideRun(run, [claimOfFirst], store.now());
        const instances =
          decision?.instances.map(({ next }) => ({ next, guard: { state: "queued" as const, fence: 99 } })) ?? [];
        return decision === null ? null : { ...decision, instances };
      };
      const decide = (run: RunAggregate): Decision | null => decideRun(run, [claimOfFirst], store.now());
      await expect(
        store.runs.changeRuns([
          { runKey: honest.runKey, decide },
          { runKey: forged.runKey, decide: forge },
        ]),
      ).rejects.toThrow(/guard refused/);

      expect(await Promise.all([honest, forged].map(({ runId }) => store.queries.getRun(runId)))).toEqual(before);
      for (const { runKey } of [honest, forged]) {
        expect((await statesOf(store, runKey))[0]).toBe("queued");
        expect(await store.queries.listAttempts(runKey, 0)).toEqual([]);
      }
      await claim(store, honest.runKey, 0);
    });

    it("leave a run alone whose sequence is not the expected one, and write the others", async () => {
      const { store } = await openForTest(open);
      const stale = await startRun(store, [{ id: "a" }]);
      const fresh = await startRun(store, [{ id: "a" }]);
      const decide = (run: RunAggregate): Decision | null => decideRun(run, [claimOfFirst], store.now());
      const decideStale = (run: RunAggregate): Decision | null => {
        const decision = decide(run);
        return decision === null ? null : { ...decision, expectedSequence: decision.expectedSequence + 5 };
      };
      const results = await store.runs.changeRuns([
        { runKey: stale.runKey, decide: decideStale },
        { runKey: fresh.runKey, decide },
      ]);
      expect(results.map((result) => result.kind)).toEqual(["busy", "applied"]);
      expect(await statesOf(store, stale.runKey)).toEqual(["queued"]);
      expect(await statesOf(store, fresh.runKey)).toEqual(["running"]);
    });
  });

  describe("width", () => {
    it("fans out to 1,000 tasks and in again", async () => {
      const { store } = await openForTest(open);
      const middle = Array.from({ length: 1000 }, (_, place) => ({ id: `m${place}`, parents: ["first"] }));
      const last = { id: "last", parents: middle.map((task) => task.id) };
      const { runKey } = await startRun(store, [{ id: "first" }, ...middle, last]);
      const result = await runTask(store, runKey, 0, success);
      expect(result.kind === "applied" ? result.decision.readyOrdinals.length : 0).toBe(1000);
      const claims = middle.map((_, place): RunEvent => ({ ...claimOfFirst, ordinal: place + 1 }));
      await change(store, runKey, claims);
      await change(
        store,
        runKey,
        middle.map((_, place): RunEvent => ({ kind: "outcome", ordinal: place + 1, fence: 1, outcome: success })),
      );
      expect((await readInstances(store, runKey))[1001]).toMatchObject({ state: "queued", parents: { success: 1000 } });
    });

    it("skips a cascade of 10,000 tasks in one change", async () => {
      const { store } = await openForTest(open);
      const chain = Array.from({ length: 10_000 }, (_, place) => ({
        id: `t${place}`,
        ...(place === 0 ? {} : { parents: [`t${place - 1}`] }),
      }));
      const { runKey, runId } = await startRun(store, chain);
      await runTask(store, runKey, 0, { kind: "skipped" });
      expect(await store.queries.getRun(runId)).toMatchObject({ state: "success", counts: { skipped: 10_000 } });
      expect((await store.queries.getRun(runId))?.endedAt).not.toBeNull();
    });
  });

  describe("attempts of workers", () => {
    it("are listed by worker, and by lost workers for the reaper", async () => {
      const { store } = await openForTest(open);
      const lost = await registerWorker(store, hello("lost", { leaseMs: 1 }));
      const alive = await registerWorker(store, hello("alive"));
      const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b" }]);
      await claim(store, runKey, 0, lost.workerKey);
      await claim(store, runKey, 1, alive.workerKey);
      const held = {
        runKey,
        runId,
        ordinal: 0,
        taskId: "a",
        mapIndex: null,
        fence: 1,
        workerKey: lost.workerKey,
        isRunning: true,
      };
      expect(await store.runs.listHeldByWorker(lost.workerKey)).toEqual([held]);
      expect(await store.runs.listHeldByLostWorkers(10)).toEqual([]);
      await expect.poll(() => store.workers.markLost(0), soon).toHaveLength(1);
      expect(await store.runs.listHeldByLostWorkers(10)).toEqual([held]);
      await change(store, runKey, [{ kind: "lost", ordinal: 0, fence: 1, free: false }]);
      expect(await store.runs.listHeldByLostWorkers(10)).toEqual([]);
    });

    it("stay held after a cancel until they are released", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "a" }]);
      const fence = await claim(store, runKey, 0, 5);
      await change(store, runKey, [{ kind: "cancel", reason: "test" }]);
      expect(await store.runs.listHeldByWorker(5)).toMatchObject([{ ordinal: 0, fence, isRunning: false }]);
      expect(await store.queries.getRun(runId)).toMatchObject({ state: "cancelled", endedAt: null });
      await change(store, runKey, [{ kind: "released", ordinal: 0, fence }]);
      expect(await store.runs.listHeldByWorker(5)).toEqual([]);
      expect((await store.queries.getRun(runId))?.endedAt).not.toBeNull();
    });
  });
}
