import { expect, it } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { RunSnapshot } from "#ports/consistency-store.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import { change, claim, newRun, readInstances, runTask, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

async function read(store: Store, runKey: number): Promise<RunSnapshot> {
  const { runs } = await store.consistency.readRuns([runKey]);
  const [snapshot] = runs;
  if (snapshot === undefined) throw new Error(`run ${runKey} was not read`);
  return snapshot;
}

const limits = {
  outboxMs: 60_000,
  leaseMs: 60_000,
  scheduleMs: 60_000,
  queueMs: 0,
  workerMs: 60_000,
  filesMs: 60_000,
  fileFailures: 2,
};

/** What every consistency store does. */
export function describeConsistency(open: OpenHarness): void {
  it("lists runs in order, those that go on apart from those that have ended", async () => {
    const { store } = await openForTest(open);
    const runs = [await startRun(store, [{ id: "a" }]), await startRun(store, [{ id: "a" }, { id: "b" }])] as const;
    const ended = await startRun(store, [{ id: "a" }]);
    await runTask(store, ended.runKey, 0, success);
    const all = { afterKey: 0, limit: 10 };
    expect(await store.consistency.listRuns({ ...all, ended: false })).toEqual([
      { runKey: runs[0].runKey, instanceCount: 1 },
      { runKey: runs[1].runKey, instanceCount: 2 },
    ]);
    expect(await store.consistency.listRuns({ ...all, ended: true })).toEqual([
      { runKey: ended.runKey, instanceCount: 1 },
    ]);
    const rest = await store.consistency.listRuns({ afterKey: runs[0].runKey, limit: 1, ended: false });
    expect(rest.map(({ runKey }) => runKey)).toEqual([runs[1].runKey]);
  });

  it("reads a run with the attempts that are open, and leaves out runs that are not there", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "a" }, { id: "b" }]);
    await runTask(store, runKey, 0, success);
    const fence = await claim(store, runKey, 1, 7);
    const snapshot = await read(store, runKey);
    expect(snapshot.run.instances.map(({ state }) => state)).toEqual(["success", "running"]);
    expect(snapshot.attempts).toEqual([
      { ordinal: 1, generation: 1, tryNumber: 1, fence, workerKey: 7, isRunning: true, isReleased: false },
    ]);
    expect(snapshot.goneWorkers).toEqual(new Set([7]));
    expect(snapshot.staleOutputs).toEqual([]);
    expect(await store.consistency.readRuns([runKey + 1000])).toEqual({ runs: [], unreadable: [] });
  });

  it("writes a repair that others see, whatever they remember of the run", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const { runKey } = await startRun(store, [{ id: "a" }, { id: "b", parents: ["a"] }]);
    await readInstances(other, runKey);
    const repair = await store.consistency.repairRun(runKey, ({ run, now }) =>
      decideRun(run, [{ kind: "cancel", reason: "" }], now),
    );
    expect(repair.kind === "applied" && repair.run.run.state).toBe("cancelled");
    const late = await change(other, runKey, [{ kind: "cancel", reason: "" }]);
    expect(late.kind === "unchanged" && late.run.instances.map(({ state }) => state)).toEqual(["skipped", "skipped"]);
  });

  it("writes nothing when nothing is to be repaired, and knows no run that is not there", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "a" }]);
    const before = await read(store, runKey);
    expect(await store.consistency.repairRun(runKey, () => null)).toEqual({ kind: "unchanged" });
    expect((await read(store, runKey)).run).toEqual(before.run);
    expect(await store.consistency.repairRun(runKey + 1000, () => null)).toEqual({ kind: "unchanged" });
  });

  it("publishes what a repair changes", async () => {
    const { store } = await openForTest(open);
    const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
    const { runKey } = await startRun(store, [{ id: "a" }]);
    await store.consistency.repairRun(runKey, ({ run, now }) => decideRun(run, [{ kind: "cancel", reason: "" }], now));
    await store.events.publish(lease?.epoch ?? 0, 1000);
    const filter = { eventType: "dag_run.cancelled" };
    const events = await store.events.readAfter({ afterId: 0, limit: 100, filter });
    expect(events).toHaveLength(1);
  });

  it("writes what a repair has found also where a limit has no room for it", async () => {
    const { store } = await openForTest(open);
    await store.limits.setPool({ name: "full", size: 0, description: "" });
    const { runKey } = await startRun(store, [{ id: "a", pool: "full" }]);
    const claim = { kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 } as const;
    const repaired = await store.consistency.repairRun(runKey, ({ run, now }) => decideRun(run, [claim], now));
    expect(repaired.kind).toBe("applied");
    expect((await readInstances(store, runKey))[0]?.state).toBe("running");
  });

  it("wakes who may wait for the room that a repair gives back", async () => {
    const { store } = await openForTest(open);
    await store.limits.setPool({ name: "narrow", size: 1, description: "" });
    const { runKey } = await startRun(store, [{ id: "a", pool: "narrow" }, { id: "b" }]);
    const fence = await claim(store, runKey, 0);
    const heard: string[] = [];
    store.wake.listen("queued", () => heard.push("queued"));
    // What was told before has been heard.
    store.wake.notify("queued");
    await expect.poll(() => heard).toEqual(["queued"]);
    const ended = { kind: "outcome", ordinal: 0, fence, outcome: success } as const;
    await store.consistency.repairRun(runKey, ({ run, now }) => decideRun(run, [ended], now));
    await expect.poll(() => heard).toEqual(["queued", "queued"]);
  });

  it("shortens the leases that reach too far alone", async () => {
    const { store } = await openForTest(open);
    await store.leases.acquire({ name: "far", holder: "one", ttlMs: 100_000_000 });
    await store.leases.acquire({ name: "near", holder: "one", ttlMs: 1000 });
    const strays = await store.consistency.listStrays(limits, 10);
    expect(strays.filter(({ kind }) => kind === "lease_far").map(({ subject }) => subject)).toEqual(["far"]);
    expect(await store.consistency.shortenLeases(60_000, 1)).toEqual(["far"]);
    await expect
      .poll(() => store.leases.acquire({ name: "far", holder: "two", ttlMs: 1000 }), { interval: 5 })
      .not.toBeNull();
  });

  it("names queues that hold work and have no worker", async () => {
    const { store } = await openForTest(open);
    await startRun(store, [{ id: "a", queue: "gpu" }]);
    await expect
      .poll(async () => (await store.consistency.listStrays(limits, 10)).map(({ kind, subject }) => [kind, subject]))
      .toContainEqual(["queue_without_worker", "gpu"]);
    const patient = await store.consistency.listStrays({ ...limits, queueMs: 60_000 }, 10);
    expect(patient).toEqual([]);
  });

  it("keeps requests whose answer is still promised", async () => {
    const { store } = await openForTest(open);
    const keys = await registerDag(store, "dag", { tasks: [{ id: "a" }] });
    const request = { caller: "me", id: "one", bodyHash: "hash" };
    const made = await store.runs.createRun(newRun(keys, { request }));
    expect(await store.consistency.forgetRequests(100)).toBe(0);
    const again = await store.runs.createRun(newRun(keys, { request }));
    expect([made.kind, again.kind]).toEqual(["created", "repeated"]);
  });

  it("describes how it runs", async () => {
    const { store } = await openForTest(open);
    const facts = await store.consistency.describe();
    expect(facts.migrations).toEqual([]);
    expect(Math.abs(facts.now - store.now())).toBeLessThan(60_000);
  });
}
