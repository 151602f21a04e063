import { describe, expect, it } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import { noResources } from "#core/resource-amounts.ts";
import type { RerunTarget, RunEvent } from "#core/run-event.ts";
import type { RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import type { TaskSpec } from "./plan-builder.ts";
import type { PlanSpec } from "./plan-spec.ts";
import { publishAll, relay } from "./events.testsuite.ts";
import { clearOf } from "./run-driver.ts";
import { change, claim, failure, newRun, readInstances, runTask, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { hello, listWorkers, registerWorker } from "./worker-builder.ts";

const first: PlanSpec = { tasks: [{ id: "a" }, { id: "old", parents: ["a"] }, { id: "end", parents: ["old"] }] };
const second: PlanSpec = {
  tasks: [
    { id: "end", parents: ["new"], queue: "big", priority: 7 },
    { id: "new", parents: ["a"], queue: "big", queueTimeoutMs: 1 },
    { id: "a" },
  ],
  priority: 3,
};

interface Started {
  readonly runKey: number;
  readonly runId: string;
}

async function startRun(store: Store, dagId: string, spec: PlanSpec): Promise<Started> {
  const result = await store.runs.createRun(newRun(await registerDag(store, dagId, spec)));
  if (result.kind !== "created") throw new Error(`no run: ${result.kind}`);
  return result;
}

/** A rerun as an executor prepares it: on the newest version if there is another one. */
export async function rerunOf(
  store: Store,
  runKey: number,
  versionKey: number,
  from: "failed" | "all" | readonly string[],
): Promise<RunEvent> {
  const [facts] = await store.runs.readFacts([runKey]);
  if (facts === undefined) throw new Error(`no run ${runKey}`);
  const plan = await store.runs.readPlan(versionKey);
  const version = versionKey === facts.versionKey ? null : { versionKey, version: 2, plan };
  const parameters = { values: { n: 2 }, warnings: ["odd"] };
  const target: RerunTarget = { revision: facts.revision, version, parameters };
  return { kind: "rerun", from, target, author: { by: "someone", note: "" } };
}

async function rerun(store: Store, runKey: number, dagId: string, spec: PlanSpec): Promise<RunChangeResult> {
  const { versionKey } = await registerDag(store, dagId, spec);
  return change(store, runKey, [await rerunOf(store, runKey, versionKey, "failed")]);
}

/** How every run store moves runs to other versions. */
export function describeReruns(open: OpenHarness): void {
  describe("a rerun on another version", () => {
    it("writes version, parameters and instances, also for other processes", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const { runKey, runId } = await startRun(store, "dag", first);
      await readInstances(other, runKey);
      await runTask(store, runKey, 0, success);
      await runTask(store, runKey, 1, failure());
      expect(await store.queries.getRun(runId)).toMatchObject({ state: "failed", version: 1 });
      expect((await rerun(store, runKey, "dag", second)).kind).toBe("applied");
      for (const each of [store, other]) {
        expect(await each.queries.getRun(runId)).toMatchObject({
          version: 2,
          state: "running",
          endedAt: null,
          parameters: { n: 2 },
          warnings: ["odd"],
          counts: { success: 1, queued: 1, none: 1, removed: 1 },
        });
        expect(await each.runs.readFacts([runKey])).toMatchObject([{ revision: 1, parameters: { n: 2 } }]);
        expect(await readInstances(each, runKey)).toMatchObject([
          { ordinal: 0, task: 2, state: "success" },
          { ordinal: 1, task: 3, state: "removed" },
          { ordinal: 2, task: 0, state: "none", generation: 2 },
          { ordinal: 3, task: 1, state: "queued", generation: 1 },
        ]);
      }
      const page = { limit: 10, cursor: null, sort: null };
      const { items } = await store.queries.listInstances(page, anyOf(runId));
      expect(items.map(({ taskId, queue }) => [taskId, queue])).toEqual([
        ["a", "default"],
        ["old", ""],
        ["end", "big"],
        ["new", "big"],
      ]);
    });

    it("lets the run go on by the new version: order, queues, times", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const { runKey, runId } = await startRun(store, "dag", first);
      await runTask(other, runKey, 0, success);
      await runTask(store, runKey, 1, failure());
      await rerun(store, runKey, "dag", second);
      expect((await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 })).instances).toEqual([]);
      expect((await store.runs.pickQueued({ queues: ["big"], backends: [null], limit: 10 })).instances).toMatchObject([
        { runKey, ordinal: 3, generation: 1, tryNumber: 1 },
      ]);
      await expect.poll(() => store.runs.listDue(10)).toMatchObject([{ ordinal: 3, what: "queue_timeout" }]);
      await runTask(other, runKey, 3, success);
      await runTask(other, runKey, 2, success);
      expect(await store.queries.getRun(runId)).toMatchObject({ state: "success", counts: { success: 3, removed: 1 } });
    });

    it("puts what waits into the order of the new priorities", async () => {
      const { store } = await openForTest(open);
      const tasks = (priority: number): readonly TaskSpec[] => [{ id: "bad" }, { id: "low" }, { id: "high", priority }];
      const { runKey } = await startRun(store, "dag", { tasks: tasks(-1) });
      await runTask(store, runKey, 0, failure());
      const order = async (): Promise<readonly number[]> =>
        (await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 })).instances.map(
          ({ ordinal }) => ordinal,
        );
      expect(await order()).toEqual([1, 2]);
      await rerun(store, runKey, "dag", { tasks: tasks(5) });
      expect((await order())[0]).toBe(2);
    });

    it("leaves what running attempts take of their worker as it was when they began", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const asking = (milliCpus: number) => ({ requests: { ...noResources, milliCpus } });
      const tasks: readonly TaskSpec[] = [{ id: "bad" }, { id: "less", ...asking(3000) }, { id: "none" }];
      const { runKey } = await startRun(store, "dag", { tasks });
      const resources = { ...noResources, milliCpus: 4000 };
      const { workerKey } = await registerWorker(store, hello("w", { resources }));
      await runTask(store, runKey, 0, failure());
      const fence = await claim(store, runKey, 1, workerKey);
      await claim(store, runKey, 2, workerKey);
      const later: readonly TaskSpec[] = [
        { id: "none", ...asking(1000) },
        { id: "less", ...asking(1000) },
        { id: "bad" },
      ];
      await rerun(store, runKey, "dag", { tasks: later });
      await rerun(store, runKey, "dag", { tasks: [...later, { id: "more" }] });
      for (const each of [store, other]) {
        const held = await each.runs.listHeldByWorker(workerKey);
        const taken = held.toSorted((a, b) => a.ordinal - b.ordinal).map(({ requests }) => requests?.milliCpus);
        expect(taken).toEqual([3000, undefined]);
        expect((await listWorkers(each))[0]?.room.milliCpus).toBe(1000);
      }
      await change(store, runKey, [clearOf([1]), { kind: "released", ordinal: 1, fence }]);
      await claim(store, runKey, 1, workerKey);
      for (const each of [store, other]) expect((await listWorkers(each))[0]?.room.milliCpus).toBe(3000);
    });

    it("is refused for a revision that another rerun has ended", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const { runKey } = await startRun(store, "dag", first);
      await runTask(store, runKey, 0, failure());
      const { versionKey } = await registerDag(store, "dag", second);
      const late = await rerunOf(other, runKey, versionKey, "failed");
      await change(store, runKey, [await rerunOf(store, runKey, versionKey, "failed")]);
      expect((await change(other, runKey, [late])).kind).toBe("unchanged");
    });

    it("keeps a removed task's name, attempts and held slot until its attempt is gone", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, "dag", { tasks: [{ id: "gone" }, { id: "bad" }] });
      const fence = await claim(store, runKey, 0, 5);
      await runTask(store, runKey, 1, failure());
      await rerun(store, runKey, "dag", { tasks: [{ id: "bad" }] });
      expect(await store.runs.listHeldByWorker(5)).toMatchObject([{ ordinal: 0, taskId: "gone", isRunning: false }]);
      expect(await store.queries.getInstance(`${runId}__gone`)).toMatchObject({ state: "removed", ordinal: 0 });
      await change(store, runKey, [{ kind: "released", ordinal: 0, fence }]);
      await runTask(store, runKey, 1, success);
      expect((await store.queries.getRun(runId))?.endedAt).not.toBeNull();
      expect(await store.queries.listAttempts(runKey, 0)).toMatchObject([{ state: "stopped" }]);
    });

    it("publishes what happened to new, removed and cleared tasks by their names", async () => {
      const { store } = await openForTest(open);
      const epoch = await relay(store);
      const { runKey, runId } = await startRun(store, "dag", first);
      await runTask(store, runKey, 0, success);
      await runTask(store, runKey, 1, failure());
      const result = await rerun(store, runKey, "dag", second);
      const events = result.kind === "applied" ? result.decision.events : [];
      expect(events.map(({ eventType, ordinal }) => [eventType, ordinal])).toEqual([
        ["task_instance.skipped", 1],
        ["task_instance.cleared", 2],
        ["task_instance.queued", 3],
        ["dag_run.repaired", null],
        ["dag_run.running", null],
      ]);
      await publishAll(store, epoch, 100);
      const published = await store.events.readAfter({ afterId: 0, limit: 100, filter: { dagRunId: runId } });
      expect(published.slice(-events.length).map(({ resourceId }) => resourceId)).toEqual([
        `${runId}__old`,
        `${runId}__end`,
        `${runId}__new`,
        runId,
        runId,
      ]);
    });
  });

  describe("an archived run", () => {
    it("is not changed any more, not even by what another process knew of it", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const keys = await registerDag(store, "dag", { tasks: [{ id: "a" }, { id: "b" }] });
      const run = newRun(keys);
      const made = await store.runs.createRun(run);
      const runKey = made.kind === "created" ? made.runKey : 0;
      await claim(other, runKey, 0);
      await store.runs.createRun({ ...newRun(keys), logicalAt: run.logicalAt, replaceExisting: true });
      for (const each of [other, store]) expect((await change(each, runKey, [clearOf([0])])).kind).toBe("unchanged");
      const [read] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
      expect(read).toMatchObject({ kind: "unchanged", run: { run: { isArchived: true, state: "cancelled" } } });
    });

    it("is not changed by what was decided before it was archived", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { tasks: [{ id: "a" }] });
      const run = newRun(keys);
      const made = await store.runs.createRun(run);
      const runKey = made.kind === "created" ? made.runKey : 0;
      await runTask(store, runKey, 0, success);
      const [read] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
      const decision = read?.kind === "unchanged" ? decideRun(read.run, [clearOf([0])], store.now()) : null;
      await store.runs.createRun({ ...newRun(keys), logicalAt: run.logicalAt, replaceExisting: true });
      const [late] = await store.runs.changeRuns([{ runKey, decide: () => decision }]);
      expect(late?.kind).toBe("busy");
      expect(await store.queries.getRun(run.runId)).toMatchObject({ state: "success", isArchived: true });
    });
  });
}

function anyOf(runId: string): Parameters<Store["queries"]["listInstances"]>[1] {
  return { runId, dagId: null, states: [], runningLongerThanMs: null };
}
