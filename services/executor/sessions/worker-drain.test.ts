import { createClient } from "@connectrpc/connect";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import {
  HelloSchema,
  type SessionRequest,
  SessionRequestSchema,
  WorkerSessionService,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import { createClockedStore } from "#testing/clocked-store.ts";
import { listWorkers } from "#testing/worker-builder.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { patience, refOf } from "../fake-worker.testsuite.ts";

const pair =
  "id: pair\ntasks:\n  - {id: a, type: noop, operator: {}}\n  - {id: b, type: noop, operator: {}, dependencies: [a]}\n";

/** So long that nothing is a scan's doing. */
const noScanMs = 600_000;

const requestDrain = (executor: ExecutorHarness, workerId: string) =>
  createClient(ExecutorService, executor.transport).requestDrain({ workerId, reason: "a new kernel" });

describe("a drain that is asked for", () => {
  it("reaches the worker through whichever executor it is connected to; it gets no new work and signs off", async () => {
    const { store } = createClockedStore(toPlan);
    const asked = await startExecutor(store, { scanIntervalMs: noScanMs });
    const holds = await startExecutor(store, { scanIntervalMs: noScanMs, executorId: "executor-2" });
    const runId = await holds.startRun(pair);
    const worker = holds.connect({ workerId: "w" });
    const a = await worker.assigned("a");
    await requestDrain(asked, "w");
    expect(await worker.heard("drain")).toMatchObject({ reason: "a new kernel", reconnectElsewhere: false });
    worker.beat([refOf(a)]);
    await worker.heard("heartbeatReply");
    expect(await listWorkers(store)).toMatchObject([{ status: "draining", statusReason: "a new kernel" }]);
    worker.send({ case: "drainNotice", value: { reason: "a new kernel" } });
    worker.succeed(a);
    expect(await worker.heard("outcomeAck")).toMatchObject({ accepted: true });
    await worker.close();
    await vi.waitFor(
      async () => expect(await listWorkers(store, ["stopped"])).toMatchObject([{ workerId: "w", succeededCount: 1 }]),
      patience,
    );
    expect(worker.assignments).toHaveLength(1);
    const next = holds.connect({ workerId: "w", incarnation: "w-2", previousIncarnation: "w-1" });
    next.succeed(await next.assigned("b"));
    expect(await holds.ended(runId)).toMatchObject({ state: "success" });
    expect(next.received.some(({ case: kind }) => kind === "drain")).toBe(false);
  });

  it("is told again with the next session, where the first one broke off before the worker took it", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: noScanMs });
    const worker = executor.connect({ workerId: "w" });
    await worker.heard("welcome");
    await requestDrain(executor, "w");
    await worker.heard("drain");
    await worker.close();
    const again = executor.connect({ workerId: "w" });
    expect(await again.heard("drain")).toMatchObject({ reason: "a new kernel" });
  });

  it("is told with the answer to a beat, where the wake got lost", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { scanIntervalMs: noScanMs });
    const worker = executor.connect({ workerId: "w" });
    await worker.heard("welcome");
    await store.workers.requestDrain("w", "quietly");
    worker.beat([]);
    expect(await worker.heard("drain")).toMatchObject({ reason: "quietly" });
  });

  it("is refused for a worker that is not there", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const error: unknown = await requestDrain(executor, "nobody").catch((thrown: unknown) => thrown);
    expect(AppError.from(error)).toMatchObject({ code: "WORKER_NOT_FOUND" });
  });
});

describe("versions", () => {
  it("of the program may differ, older and newer workers side by side", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const runId = await executor.startRun(pair);
    const older = executor.connect({ workerId: "older", hello: { programVersion: "0.0.9" }, slots: 1 });
    const newer = executor.connect({ workerId: "newer", hello: { programVersion: "7.1.0" }, slots: 1 });
    await Promise.all([older.heard("welcome"), newer.heard("welcome")]);
    const everyone = [older, newer];
    for (const task of ["a", "b"]) {
      const { worker, assignment } = await Promise.any(
        everyone.map(async (worker) => ({ worker, assignment: await worker.assigned(task) })),
      );
      worker.succeed(assignment);
    }
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect((await listWorkers(store)).map(({ version }) => version)).toEqual(["7.1.0", "0.0.9"]);
  });

  it("of the protocol must be one that the executor speaks: the refusal names both, and what to upgrade", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const newer = executor.connect({ workerId: "w", hello: { protocolVersion: 2, programVersion: "7.1.0" } });
    const older = executor.connect({ workerId: "w", hello: { protocolVersion: 0, programVersion: "0.0.1" } });
    await vi.waitFor(() => expect([newer.isOver, older.isOver]).toEqual([true, true]), patience);
    expect(AppError.from(newer.error)).toMatchObject({
      code: "WORKER_REFUSED",
      message:
        "worker w (program 7.1.0) speaks session protocol 2, this executor (program test) 1; upgrade the executors first",
    });
    expect(AppError.from(older.error).message).toBe(
      "worker w (program 0.0.1) speaks session protocol 0, this executor (program test) 1; upgrade the worker",
    );
    expect(await listWorkers(store)).toEqual([]);
  });

  it("of the messages may be newer: what an executor does not know it leaves aside", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const plain = toBinary(
      HelloSchema,
      create(HelloSchema, {
        ...{ workerId: "future", incarnation: "future-1", protocolVersion: 1, programVersion: "9.0.0" },
        ...{ hostname: "h", queues: ["default"], slots: 1 },
      }),
    );
    // Field 1999, a varint: no protocol has it yet.
    const hello = fromBinary(HelloSchema, Uint8Array.from([...plain, 0xf8, 0x7c, 0x2a]));
    expect(hello.$unknown).toHaveLength(1);
    const request = create(SessionRequestSchema);
    request.message = { case: "hello", value: hello };
    const ended = Promise.withResolvers<void>();
    async function* say(): AsyncGenerator<SessionRequest> {
      yield request;
      await ended.promise;
    }
    const responses = createClient(WorkerSessionService, executor.transport).session(say());
    for await (const { message } of responses) {
      expect(message.case).toBe("welcome");
      ended.resolve();
      break;
    }
    expect(await listWorkers(store)).toMatchObject([{ workerId: "future" }]);
  });
});
