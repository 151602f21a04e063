import { describe, expect, it, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { LogSource, OutcomeKind, Verdict } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { openForTest } from "#testing/store-harness.ts";
import { type ExecutorHarness, startExecutor, toPlan, workerLeaseMs } from "./executor-harness.testsuite.ts";
import { patience, refOf } from "./fake-worker.testsuite.ts";

const chain = `id: chain
tasks:
  - {id: a, type: noop, operator: {}}
  - {id: b, type: noop, operator: {}, dependencies: [a]}
  - {id: c, type: noop, operator: {}, dependencies: [b]}
`;
const single = "id: single\ntasks: [{id: a, type: noop, operator: {}}]\n";

/** So long that what is tested can't be the scan's doing, which repairs what an effect left undone. */
const noScanMs = 600_000;

describe("an executor", () => {
  it.each([true, false])("runs a chain to its end with the same result, hand-off %s", async (handOff) => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { handOff });
    const runId = await executor.startRun(chain);
    const worker = executor.connect({ workerId: "w" });
    for (const task of ["a", "b", "c"]) worker.succeed(await worker.assigned(task));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    const acks = worker.received.filter((message) => message.case === "outcomeAck");
    const riding = acks.filter((message) => message.value.next !== undefined).length;
    expect({ acks: acks.length, riding }).toEqual({ acks: 3, riding: handOff ? 2 : 0 });
  });

  it("never gives a worker more than its slots", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const tasks = Array.from({ length: 6 }, (_, place) => `  - {id: t${place}, type: noop, operator: {}}`).join("\n");
    const runId = await executor.startRun(`id: wide\ntasks:\n${tasks}\n`);
    const worker = executor.connect({ workerId: "w", slots: 2 });
    for (let done = 0; done < 6; done += 1) {
      const assignment = await vi.waitFor(
        () => worker.assignments[done] ?? Promise.reject(new Error("none yet")),
        patience,
      );
      expect(worker.assignments.length - done).toBeLessThanOrEqual(2);
      worker.succeed(assignment);
    }
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("gives the attempts of a silent worker to another after lease and margin, and refuses the late outcome (G3, G10)", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const runId = await executor.startRun(single);
    const silent = executor.connect({ workerId: "silent" });
    const first = await silent.assigned("a");
    const other = executor.connect({ workerId: "other" });
    await other.heard("welcome");
    advance(workerLeaseMs);
    other.beat([]);
    await other.heard("heartbeatReply");
    expect(other.assignments).toEqual([]);
    advance(workerLeaseMs / 2);
    const second = await other.assigned("a", 2);
    expect(refOf(second).fence).toBeGreaterThan(refOf(first).fence);
    await vi.waitFor(() => expect(silent.isOver).toBe(true), patience);
    const back = executor.connect({ workerId: "silent", incarnation: "silent-2", held: [refOf(first)] });
    expect((await back.heard("welcome")).held.map(({ verdict }) => verdict)).toEqual([Verdict.SETTLED]);
    back.succeed(first);
    expect(await back.heard("outcomeAck")).toMatchObject({ accepted: false });
    other.succeed(second);
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("takes an attempt for lost that two heartbeats do not list (G2)", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    await executor.startRun(single);
    const worker = executor.connect({ workerId: "w" });
    const first = refOf(await worker.assigned("a"));
    // The answer to the first proves that the assignment is there; the next two leave it out.
    for (let count = 0; count < 2; count += 1) {
      const beat = worker.beat([]);
      await worker.heard("heartbeatReply", ({ sequence }) => sequence === beat);
    }
    expect(worker.assignments).toHaveLength(1);
    worker.beat([]);
    expect(refOf(await worker.assigned("a", 2)).fence).toBeGreaterThan(first.fence);
  });

  it("cancels at once, and ends the run when the worker says that the tree is gone (G13)", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: noScanMs });
    const runId = await executor.startRun(chain);
    const worker = executor.connect({ workerId: "w" });
    const attempt = refOf(await worker.assigned("a"));
    await executor.cancel(runId);
    expect(await executor.run(runId)).toMatchObject({ state: "cancelled", endedAt: null });
    expect(await worker.heard("stopOrder")).toMatchObject({ attempt: { taskId: "a" }, reason: "cancelled" });
    worker.send({ case: "released", value: { attempt } });
    expect(await executor.ended(runId)).toMatchObject({ state: "cancelled" });
    expect(await executor.states(runId)).toEqual({ a: "skipped", b: "skipped", c: "skipped" });
  });

  it("hears of a stop through the outcome that crossed it", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: noScanMs });
    const runId = await executor.startRun(single);
    const worker = executor.connect({ workerId: "w" });
    const assignment = await worker.assigned("a");
    await executor.cancel(runId);
    worker.succeed(assignment);
    expect(await worker.heard("outcomeAck")).toMatchObject({ accepted: false });
    expect(await executor.ended(runId)).toMatchObject({ state: "cancelled" });
  });

  it("lets a worker go on through another executor: keeps what it runs, settles what is over, sends what it never got", async () => {
    const { store } = createClockedStore(toPlan);
    const before = await startExecutor(store);
    const runId = await before.startRun(
      "id: pair\ntasks:\n  - {id: a, type: noop, operator: {}}\n  - {id: b, type: noop, operator: {}}\n",
    );
    const first = before.connect({ workerId: "w" });
    const [a, b] = [await first.assigned("a"), await first.assigned("b")];
    await before.service.stop();
    const after = await startExecutor(store, { executorId: "executor-2" });
    const old = { ...refOf(a), fence: 0n };
    const second = after.connect({ workerId: "w", held: [refOf(a), old] });
    const { held } = await second.heard("welcome");
    expect(held.map(({ verdict }) => verdict)).toEqual([Verdict.KEEP, Verdict.SETTLED]);
    expect(refOf(await second.assigned("b")).fence).toBe(refOf(b).fence);
    second.succeed(a);
    second.succeed(b);
    expect(await after.ended(runId)).toMatchObject({ state: "success" });
  });

  it("refuses a second worker with a live one's id, and takes one that follows it in the same data directory", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    await executor.connect({ workerId: "w", incarnation: "one" }).heard("welcome");
    const twin = executor.connect({ workerId: "w", incarnation: "two" });
    await vi.waitFor(() => expect(twin.isOver).toBe(true), patience);
    expect(AppError.from(twin.error)).toMatchObject({ code: "WORKER_REFUSED", details: { reason: "id_in_use" } });
    await executor.connect({ workerId: "w", incarnation: "three", previousIncarnation: "one" }).heard("welcome");
  });

  it("retries by the store's clock, also when another executor takes over between the attempts (G9)", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const before = await startExecutor(store);
    const runId = await before.startRun(
      "id: again\ntasks: [{id: a, type: noop, operator: {}, retry: {max_retries: 1, delay: 60s, jitter: 0}}]\n",
    );
    const first = before.connect({ workerId: "w" });
    const attempt = refOf(await first.assigned("a"));
    first.send({
      case: "outcome",
      value: { attempt, kind: OutcomeKind.FAILED, errorCode: "timeout", errorMessage: "too slow" },
    });
    await first.heard("outcomeAck", ({ accepted }) => accepted);
    await before.service.stop();
    const after = await startExecutor(store, { executorId: "executor-2" });
    advance(59_000);
    expect(await after.states(runId)).toEqual({ a: "up_for_retry" });
    advance(1_000);
    const second = after.connect({ workerId: "w2" });
    second.succeed(await second.assigned("a", 2));
    expect(await after.ended(runId)).toMatchObject({ state: "success" });
  });

  it("fails an outcome that can't be stored, and harms nobody else (G12)", async () => {
    const { store } = await openForTest(() => openPostgresHarness(toPlan));
    const executor = await startExecutor(store);
    const runId = await executor.startRun(
      "id: pair\ntasks:\n  - {id: bad, type: noop, operator: {}}\n  - {id: good, type: noop, operator: {}}\n",
    );
    const worker = executor.connect({ workerId: "w" });
    const [bad, good] = [await worker.assigned("bad"), await worker.assigned("good")];
    const attempt = refOf(bad);
    const log = { attempt, sequence: 1n, entries: [{ timeMs: 1n, source: LogSource.STDOUT, text: "why" }] };
    const outputs = [{ key: "a\0b", json: "1" }];
    worker.send({ case: "outcome", value: { attempt, kind: OutcomeKind.SUCCESS, outputs, log } });
    worker.succeed(good);
    expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
    expect(await executor.states(runId)).toEqual({ bad: "failed", good: "success" });
    const runKey = (await store.runs.findRunKey(runId)) ?? 0;
    const address = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
    const lines = () => store.logs.read({ attempt: address, afterLine: 0, limit: 10 });
    await expect.poll(lines).toMatchObject([{ text: "why" }]);
  });

  describe("writes a log that comes with its outcome", () => {
    const entries = ["one", "two"].map((text) => ({ timeMs: 1n, source: LogSource.STDOUT, text }));

    async function endWithLog(
      chunk: { sequence: bigint; texts?: readonly string[] },
      before?: (executor: ExecutorHarness, runId: string) => Promise<unknown>,
    ) {
      const { store } = createClockedStore(toPlan);
      const executor = await startExecutor(store, { scanIntervalMs: noScanMs });
      const runId = await executor.startRun(single);
      const worker = executor.connect({ workerId: "w" });
      expect(await worker.heard("welcome")).toMatchObject({ takesLogsWithOutcomes: true });
      const ref = refOf(await worker.assigned("a"));
      await before?.(executor, runId);
      const said = chunk.texts?.map((text) => ({ timeMs: 1n, source: LogSource.STDOUT, text })) ?? entries;
      const log = { attempt: ref, sequence: chunk.sequence, entries: said };
      worker.send({ case: "outcome", value: { attempt: ref, kind: OutcomeKind.SUCCESS, log } });
      const { accepted } = await worker.heard("outcomeAck");
      return { accepted, texts: () => readTexts(store, runId) };
    }

    async function readTexts(store: Store, runId: string): Promise<readonly string[]> {
      const runKey = (await store.runs.findRunKey(runId)) ?? 0;
      const attempt = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
      const lines = await store.logs.read({ attempt, afterLine: 0, limit: 10 });
      return lines.map(({ text }) => text);
    }

    it("in the same transaction", async () => {
      const { accepted, texts } = await endWithLog({ sequence: 1n });
      expect([accepted, await texts()]).toEqual([true, ["one", "two"]]);
    });

    it("by itself where the outcome is not wanted any more", async () => {
      const { accepted, texts } = await endWithLog({ sequence: 1n }, (executor, runId) => executor.cancel(runId));
      expect(accepted).toBe(false);
      await expect.poll(texts).toEqual(["one", "two"]);
    });

    it.each([
      ["it is not the first chunk", { sequence: 2n, texts: ["late"] }],
      ["it is long", { sequence: 1n, texts: ["x".repeat(200_000)] }],
      ["it has many lines", { sequence: 1n, texts: Array.from({ length: 10_000 }, () => "") }],
    ])("by itself where %s", async (_why, chunk) => {
      const { accepted, texts } = await endWithLog(chunk);
      expect(accepted).toBe(true);
      await expect.poll(texts).toEqual(chunk.texts.slice(0, 10));
    });

    it("unless that can't be written: then the outcome is written without it", async () => {
      const { store } = createClockedStore(toPlan);
      const changeRuns: Store["runs"]["changeRuns"] = (changes) =>
        store.runs.changeRuns(
          changes.map((change) => ({
            ...change,
            logs: (decision) => {
              if ((change.logs?.(decision) ?? []).length > 0) throw new Error("no partition for the log");
              return [];
            },
          })),
        );
      const executor = await startExecutor({ ...store, runs: { ...store.runs, changeRuns } });
      const runId = await executor.startRun(single);
      const worker = executor.connect({ workerId: "w" });
      const attempt = refOf(await worker.assigned("a"));
      worker.send({
        case: "outcome",
        value: { attempt, kind: OutcomeKind.SUCCESS, log: { attempt, sequence: 1n, entries } },
      });
      expect(await worker.heard("outcomeAck")).toMatchObject({ accepted: true });
      expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    });
  });
});
