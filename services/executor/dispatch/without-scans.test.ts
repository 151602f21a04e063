import { describe, expect, it, vi } from "vitest";
import { createClockedStore } from "#testing/clocked-store.ts";
import { patience } from "../fake-worker.testsuite.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";

const scanIntervalMs = 3_600_000;

const definitions = {
  "a plain task": "id: x\ntasks: [{id: a, type: noop, operator: {}}]\n",
  "a task with a condition": 'id: x\ntasks: [{id: a, type: noop, operator: {}, when: "true"}]\n',
  "a task for each of a list": 'id: x\ntasks: [{id: a, type: noop, operator: {}, for_each: "[1]"}]\n',
};

describe("scans are only the second way (G2): without any,", () => {
  it.each(Object.entries(definitions))("a new run that begins with %s begins", async (_name, yaml) => {
    const executor = await startExecutor(createClockedStore(toPlan).store, { scanIntervalMs });
    const worker = executor.connect({ workerId: "w" });
    worker.beat([]);
    await worker.heard("heartbeatReply");
    const runId = await executor.startRun(yaml);
    worker.succeed(
      await vi.waitFor(() => worker.assignments[0] ?? Promise.reject(new Error("nothing came")), patience),
    );
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("a worker that comes later gets what waits", async () => {
    const executor = await startExecutor(createClockedStore(toPlan).store, { scanIntervalMs });
    const runId = await executor.startRun(definitions["a plain task"]);
    const worker = executor.connect({ workerId: "w" });
    worker.beat([]);
    expect(await worker.assigned("a")).toMatchObject({ attempt: { dagRunId: runId } });
  });
});
