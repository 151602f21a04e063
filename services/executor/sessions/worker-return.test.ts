import { describe, expect, it, vi } from "vitest";
import { OutcomeKind, Verdict } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { listWorkers } from "#testing/worker-builder.ts";
import { startExecutor, toPlan, workerLeaseMs } from "../executor-harness.testsuite.ts";
import { patience, refOf } from "../fake-worker.testsuite.ts";

const pair = "id: pair\ntasks:\n  - {id: a, type: noop, operator: {}}\n  - {id: b, type: noop, operator: {}}\n";
const single = "id: single\ntasks: [{id: a, type: noop, operator: {}}]\n";

async function untilStatus(store: Store, status: string): Promise<void> {
  await vi.waitFor(async () => expect((await listWorkers(store))[0]?.status).toBe(status), patience);
}

describe("a worker that was killed and comes back", () => {
  it("settles the outcomes that it kept, without another attempt; what it lost is run again (G3, G5)", async () => {
    const { store, advance } = createClockedStore(toPlan);
    // Scans go on all the time: the reaper must not take what the worker has an outcome of.
    const executor = await startExecutor(store, { scanIntervalMs: 5 });
    const runId = await executor.startRun(pair);
    const first = executor.connect({ workerId: "w", incarnation: "one" });
    const [a, b] = [await first.assigned("a"), await first.assigned("b")];
    await first.close();
    const held = [refOf(a)];
    const back = executor.connect({
      ...{ workerId: "w", incarnation: "two", previousIncarnation: "one" },
      ...{ held, outcomes: held },
    });
    expect((await back.heard("welcome")).held.map(({ verdict }) => verdict)).toEqual([Verdict.KEEP]);
    const again = await back.assigned("b", 2);
    expect(refOf(again).fence).toBeGreaterThan(refOf(b).fence);
    back.succeed(a);
    expect(await back.heard("outcomeAck", ({ attempt }) => attempt?.taskId === "a")).toMatchObject({ accepted: true });
    back.succeed(a);
    const refused = await back.heard("outcomeAck", ({ accepted }) => !accepted);
    expect(refused).toMatchObject({ attempt: { taskId: "a" } });
    back.succeed(again);
    advance(0);
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect(back.assignments.map(({ attempt }) => attempt?.taskId)).toEqual(["b"]);
  });

  it("may be killed again before it could report: the next start has the outcome still", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: 5 });
    const runId = await executor.startRun(single);
    const first = executor.connect({ workerId: "w", incarnation: "one" });
    const a = await first.assigned("a");
    await first.close();
    const kept = { held: [refOf(a)], outcomes: [refOf(a)] };
    const second = executor.connect({ workerId: "w", incarnation: "two", previousIncarnation: "one", ...kept });
    await second.heard("welcome");
    await second.close();
    // The start between was never heard of.
    const hello = { earlierIncarnations: ["two"] };
    const names = { workerId: "w", incarnation: "four", previousIncarnation: "three" };
    const fourth = executor.connect({ ...names, hello, ...kept });
    await fourth.heard("welcome");
    fourth.succeed(a);
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect(fourth.assignments).toEqual([]);
  });

  it("comes too late when its attempts were given up: its outcome is settled already", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: 5 });
    await executor.startRun(single);
    const first = executor.connect({ workerId: "w", incarnation: "one" });
    const a = await first.assigned("a");
    await first.close();
    advance(workerLeaseMs * 1.5);
    await vi.waitFor(
      async () => expect((await store.runs.pickQueued(anything)).instances[0]?.tryNumber).toBe(2),
      patience,
    );
    const kept = { held: [refOf(a)], outcomes: [refOf(a)] };
    const back = executor.connect({ workerId: "w", incarnation: "two", previousIncarnation: "one", ...kept });
    expect((await back.heard("welcome")).held.map(({ verdict }) => verdict)).toEqual([Verdict.SETTLED]);
    await back.assigned("a", 2);
  });
});

const anything = { queues: ["default"], backends: [null], limit: 10 };

describe("the status of a worker", () => {
  it("is healthy once it is settled with, degraded while its beats say so, with no new work meanwhile", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const worker = executor.connect({ workerId: "w" });
    await worker.heard("welcome");
    await untilStatus(store, "healthy");
    const usage = { cpuPercent: 5, memoryPercent: 5, diskPercent: 99 };
    const full = { degradedReason: "disk at 99 %", usage };
    worker.send({ case: "heartbeat", value: { sequence: 1n, held: [], ...full } });
    await worker.heard("heartbeatReply", ({ sequence }) => sequence === 1n);
    expect(await listWorkers(store)).toMatchObject([{ status: "degraded", statusReason: "disk at 99 %", usage }]);
    const runId = await executor.startRun(single);
    worker.send({ case: "heartbeat", value: { sequence: 2n, held: [], ...full } });
    await worker.heard("heartbeatReply", ({ sequence }) => sequence === 2n);
    expect(worker.assignments).toEqual([]);
    worker.send({ case: "heartbeat", value: { sequence: 3n, held: [] } });
    worker.succeed(await worker.assigned("a"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("is degraded for one that missed a beat, and healthy with its next", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: 5 });
    const worker = executor.connect({ workerId: "w" });
    await worker.heard("welcome");
    await untilStatus(store, "healthy");
    advance(workerLeaseMs * 0.6);
    await untilStatus(store, "degraded");
    worker.beat([]);
    await worker.heard("heartbeatReply");
    expect(await listWorkers(store)).toMatchObject([{ status: "healthy" }]);
  });

  it("comes with the number of its tasks that ended, and when the last one did", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const runId = await executor.startRun(pair);
    const worker = executor.connect({ workerId: "w" });
    worker.succeed(await worker.assigned("a"));
    const b = await worker.assigned("b");
    worker.send({ case: "outcome", value: { attempt: refOf(b), kind: OutcomeKind.FAILED, errorCode: "exit_code" } });
    await executor.ended(runId);
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const [view] = await listWorkers(store);
    expect(view).toMatchObject({ succeededCount: 1, failedCount: 1 });
    expect(view?.lastTaskAt).not.toBeNull();
  });
});
