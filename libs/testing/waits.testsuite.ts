import { expect, it } from "vitest";
import type { AttemptOutcome } from "#core/run-event.ts";
import type { Instance } from "#core/run-model.ts";
import type { Store } from "#ports/store.ts";
import type { NewWait, WaitKind } from "#ports/wait-store.ts";
import { change, readInstances, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const page = { limit: 10, cursor: null, sort: null };
const everything = { dagId: null, assignee: null };
const waiting = { waits: { timeoutMs: null } };

async function instanceAt(store: Store, runKey: number, ordinal: number): Promise<Instance> {
  const instance = (await readInstances(store, runKey))[ordinal];
  if (instance === undefined) throw new Error(`run ${runKey} has no instance ${ordinal}`);
  return instance;
}

/** Saves a wait for the instance's next attempt and lets it wait by it. */
async function beginWait(
  store: Store,
  runKey: number,
  options: {
    ordinal?: number;
    kind?: WaitKind;
    dueAt?: number | null;
    details?: NewWait["details"];
    depth?: number;
  } = {},
): Promise<NewWait> {
  const { ordinal = 0, kind = "approval", dueAt = null, details = {}, depth = 0 } = options;
  const { generation, tryNumber, fence } = await instanceAt(store, runKey, ordinal);
  const wait = { runKey, ordinal, generation, tryNumber: tryNumber + 1, kind, timeoutMs: 5000, depth, details };
  await store.waits.save(wait);
  await change(store, runKey, [{ kind: "wait_begun", ordinal, fence, waitsFor: kind, dueAt }]);
  return wait;
}

async function answer(store: Store, runKey: number, outcome: AttemptOutcome, ordinal = 0): Promise<void> {
  const { fence } = await instanceAt(store, runKey, ordinal);
  await change(store, runKey, [{ kind: "answered", ordinal, fence, outcome }]);
}

/** What every wait store does. */
export function describeWaits(open: OpenHarness): void {
  it("lists what nobody has looked at, except in paused runs, and never offers it to a worker", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "ask", ...waiting }, { id: "other" }]);
    expect(await store.waits.listUnstarted(10)).toEqual([{ runKey, ordinal: 0 }]);
    expect(await store.waits.look()).toMatchObject({ hasUnstarted: true });
    const { instances: picked } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 });
    expect(picked.map(({ ordinal }) => ordinal)).toEqual([1]);
    await change(store, runKey, [{ kind: "pause", isPaused: true }]);
    expect(await store.waits.listUnstarted(10)).toEqual([]);
    await change(store, runKey, [{ kind: "pause", isPaused: false }]);
    await beginWait(store, runKey);
    expect(await store.waits.listUnstarted(10)).toEqual([]);
  });

  it("keeps what was saved first for an attempt", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const { runKey } = await startRun(store, [{ id: "ask", ...waiting }]);
    const wait = { runKey, ordinal: 0, generation: 1, tryNumber: 1, kind: "time", timeoutMs: null, depth: 0 } as const;
    const saved = await Promise.all([
      store.waits.save({ ...wait, details: { by: "one" } }),
      other.waits.save({ ...wait, details: { by: "two" } }),
    ]);
    const last = await store.waits.save({ ...wait, details: { by: "three" } });
    expect(new Set([...saved, last].map(({ details }) => details["by"])).size).toBe(1);
    expect(last).toMatchObject({ ...wait, details: saved[0]?.details, childRunId: null });
  });

  it("lists what is due by the store's clock, with what it waits by, and says when the next is", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [
      { id: "a", ...waiting },
      { id: "b", ...waiting },
    ]);
    await beginWait(store, runKey, { kind: "time", dueAt: store.now() - 1, details: { until: 7 } });
    await beginWait(store, runKey, { ordinal: 1, kind: "condition", dueAt: store.now() + 3_600_000 });
    const { fence, startedAt } = await instanceAt(store, runKey, 0);
    expect(await store.waits.listDue(10)).toEqual([
      {
        ...{ runKey, ordinal: 0, generation: 1, tryNumber: 1, kind: "time", timeoutMs: 5000, depth: 0 },
        ...{ details: { until: 7 }, childRunId: null, runId, fence, startedAt },
      },
    ]);
    const { nextDueInMs, ...found } = await store.waits.look();
    expect(found).toEqual({ hasUnstarted: false, hasDue: true, hasChildren: false });
    expect(nextDueInMs).toBeGreaterThan(3_500_000);
    expect(nextDueInMs).toBeLessThanOrEqual(3_600_000);
    await answer(store, runKey, success);
    expect(await store.waits.listDue(10)).toEqual([]);
    expect(await store.waits.look()).toMatchObject({ hasDue: false });
  });

  it("has one attempt for a wait, as long as the wait was, with its outputs", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "ask", ...waiting }]);
    await beginWait(store, runKey);
    const { startedAt } = await instanceAt(store, runKey, 0);
    await answer(store, runKey, { kind: "success", outputs: [{ key: "decision", json: '"approve"' }] });
    expect(await store.runs.readOutputs(runKey, [0])).toEqual([{ ordinal: 0, key: "decision", json: '"approve"' }]);
    const attempts = await store.queries.listAttempts(runKey, 0);
    expect(attempts).toMatchObject([{ tryNumber: 1, state: "success", startedAt, workerId: null }]);
    const after = await instanceAt(store, runKey, 0);
    expect(after).toMatchObject({ state: "success", tryNumber: 1, startedAt, held: false, workerKey: null });
  });

  it("shows approvals while they wait, by page, DAG and person, and finds one by its id", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [
      { id: "a", ...waiting },
      { id: "b", ...waiting },
    ]);
    await beginWait(store, runKey, { details: { question: "really?", assignees: ["ada"] } });
    await beginWait(store, runKey, { ordinal: 1, kind: "run" });
    const { items, totalCount } = await store.waits.listApprovals(page, everything);
    expect(totalCount).toBe(1);
    expect(items).toMatchObject([{ runId, taskId: "a", mapIndex: null, details: { question: "really?" } }]);
    expect((await store.waits.listApprovals(page, { ...everything, assignee: "ada" })).items).toEqual(items);
    expect((await store.waits.listApprovals(page, { ...everything, assignee: "bob" })).items).toEqual([]);
    expect((await store.waits.listApprovals(page, { ...everything, dagId: "no_such" })).items).toEqual([]);
    expect(await store.waits.getApproval(`${runId}__a`)).toEqual(items[0]);
    expect(await store.waits.getApproval(`${runId}__b`)).toBeNull();
    await answer(store, runKey, success);
    expect(await store.waits.getApproval(`${runId}__a`)).toBeNull();
    expect((await store.waits.listApprovals(page, everything)).items).toEqual([]);
  });

  it("tells of a child once it has ended, or once nothing waits for it any more, until it is closed", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "call", ...waiting }]);
    const child = await startRun(store, [{ id: "work", ...waiting }]);
    const wait = await beginWait(store, runKey, { kind: "run", depth: 3 });
    await store.waits.setChild(wait, child.runId);
    expect(await store.waits.look()).toMatchObject({ hasChildren: true });
    expect(await store.waits.depthOf(child.runId)).toBe(3);
    expect(await store.waits.depthOf("no such run")).toBe(0);
    expect(await store.waits.listChildren(10)).toEqual([]);
    await change(store, child.runKey, [{ kind: "cancel", reason: "" }]);
    const { fence } = await instanceAt(store, runKey, 0);
    expect(await store.waits.listChildren(10)).toMatchObject([
      { wait: { runKey, childRunId: child.runId }, fence, child: { state: "cancelled", hasEnded: true } },
    ]);
    await change(store, runKey, [{ kind: "cancel", reason: "" }]);
    expect(await store.waits.listChildren(10)).toMatchObject([{ fence: null }]);
    await store.waits.closeChild(wait);
    expect(await store.waits.look()).toMatchObject({ hasChildren: false });
    expect(await store.waits.listChildren(10)).toEqual([]);
  });

  it("lists a run that is late, once", async () => {
    const { store } = await openForTest(open);
    const deadline = { afterMs: 1, action: "notify" } as const;
    const { runKey } = await startRun(store, [{ id: "a" }], { deadline });
    const late = { runKey, ordinal: null, fence: 0, what: "deadline" };
    await expect.poll(() => store.runs.listDue(10), { timeout: 20_000, interval: 5 }).toEqual([late]);
    await change(store, runKey, [{ kind: "deadline" }]);
    expect(await store.runs.listDue(10)).toEqual([]);
    const other = await startRun(store, [{ id: "a" }], { deadline: { ...deadline, afterMs: 3_600_000 } });
    expect(await store.runs.nextDueInMs()).toBeGreaterThan(3_000_000);
    await change(store, other.runKey, [{ kind: "cancel", reason: "" }]);
    expect(await store.runs.nextDueInMs()).toBeNull();
  });

  it("forgets the wait of an earlier life: a cleared task waits by none until it begins again", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "ask", ...waiting }]);
    await beginWait(store, runKey);
    const author = { by: "test", note: "" };
    await change(store, runKey, [{ kind: "clear", ordinals: [0], includeDownstream: false, author }]);
    expect((await store.waits.listApprovals(page, everything)).items).toEqual([]);
    expect(await store.waits.listUnstarted(10)).toEqual([{ runKey, ordinal: 0 }]);
  });
}
