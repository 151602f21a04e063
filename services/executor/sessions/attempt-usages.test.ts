import { createClient } from "@connectrpc/connect";
import { expect, it, vi } from "vitest";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { createRunningStore } from "#testing/clocked-store.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { patience, refOf } from "../fake-worker.testsuite.ts";

const definition = `id: etl
tasks:
  - {id: a, type: noop, operator: {}, resources: {memory: 1Gi}}
  - {id: b, type: noop, operator: {}}
`;

it("tells what the last heartbeat said of attempts that run, of the workers that are asked about", async () => {
  const executor = await startExecutor(createRunningStore(toPlan), { leaseMs: 60_000 });
  await executor.startRun(definition);
  const worker = executor.connect({ workerId: "w", hello: { resources: { memoryBytes: 4n << 30n } } });
  const [a, b] = [await worker.assigned("a"), await worker.assigned("b")];
  const client = createClient(ExecutorService, executor.transport);
  const usages = async (workerId = "w") => (await client.listUsage({ workerIds: [workerId] })).usages;
  expect(await usages()).toEqual([]);
  const held = [refOf(a), refOf(b)];
  const told = { memoryBytes: 5n, memoryPeakBytes: 7n, cpuMs: 3n, processes: 2 };
  const beat = (attemptUsage: object[]) =>
    worker.send({ case: "heartbeat", value: { sequence: 1n, held, attemptUsage } });
  beat([
    { attempt: refOf(a), ...told },
    { attempt: { ...refOf(b), fence: 99n }, memoryBytes: 1n },
  ]);
  await vi.waitFor(async () => {
    expect(await usages()).toMatchObject([
      { taskId: "a", tryNumber: 1, generation: 1, usage: { ...told, memoryLimitBytes: 1n << 30n } },
    ]);
  }, patience);
  beat([{ attempt: refOf(b), processes: 1 }]);
  await vi.waitFor(async () => {
    const [, ofB] = await usages();
    expect(ofB?.usage).toMatchObject({ processes: 1 });
    expect(ofB?.usage?.memoryBytes).toBeUndefined();
  }, patience);
  expect(await usages("another")).toEqual([]);
  worker.succeed(a);
  await vi.waitFor(async () => expect((await usages()).map(({ taskId }) => taskId)).toEqual(["b"]), patience);
});
