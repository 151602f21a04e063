import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { Client } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { Assignment } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, refOf } from "../fake-worker.testsuite.ts";

const chain = `id: chain
tasks:
  - {id: a, type: noop, operator: {}}
  - {id: b, type: noop, operator: {}, dependencies: [a]}
`;

/** Beats for a worker, with what it holds, until the test ends: the check takes longer than its lease. */
function keepAlive(worker: FakeWorker, held: () => readonly Assignment[] = () => []): void {
  const timer = setInterval(() => worker.beat(held().map(refOf)), 200);
  onTestFinished(() => clearInterval(timer));
}

async function open(artifacts?: ArtifactStore) {
  const harness = await openPostgresHarness(toPlan);
  const client = new Client({ connectionString: harness.connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await harness.close();
  });
  const executor = await startExecutor(harness.store, artifacts === undefined ? {} : { artifacts });
  const rpc = createClient(ExecutorService, executor.transport);
  return { executor, rpc, store: harness.store, sql: (text: string) => client.query(text) };
}

describe("a check on demand", () => {
  it("puts a run right that its executor remembers, and the run goes on to its end", async () => {
    const { executor, rpc, sql } = await open();
    const runId = await executor.startRun(chain);
    const worker = executor.connect({ workerId: "w", slots: 1 });
    const first = await worker.assigned("a");
    keepAlive(worker, () => worker.assignments.slice(-1));
    // Nobody would ever offer b: it waits for more parents than it has.
    await sql("UPDATE task_instances SET in_degree = 3 WHERE task_id = 'b'");
    const found = await rpc.checkConsistency({ repair: true });
    expect(found.findings.map(({ check, outcome, dagRunId }) => [check, outcome, dagRunId])).toEqual([
      ["parent_counts", "repaired", runId],
    ]);
    worker.succeed(first);
    worker.succeed(await worker.assigned("b"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect((await rpc.checkConsistency({ repair: false })).findings).toEqual([]);
  });

  it("has unknown files removed when it is told to, not by a repair", async () => {
    const location = `7/0/1.1/${randomUUID()}`;
    const never = (): Promise<never> => Promise.reject(new Error("nobody asks for a file"));
    const list = () => ReadableStream.from([{ location, modifiedAt: Date.now() - 3 * 86_400_000 }]);
    const { rpc, store } = await open({ write: never, read: never, remove: never, list });
    const repaired = await rpc.checkConsistency({ repair: true });
    expect(repaired.findings).toMatchObject([{ check: "files_unknown", outcome: "by_hand", count: 1 }]);
    expect(await store.retention.listUnlistedFiles(9)).toEqual([]);
    const removed = await rpc.checkConsistency({ removeUnknownFiles: true });
    expect(removed.findings).toMatchObject([{ check: "files_unknown", outcome: "repaired" }]);
    expect(await store.retention.listUnlistedFiles(9)).toEqual([{ location, failureCount: 0 }]);
  });

  it("offers what it made ready to the worker that waits", async () => {
    const { executor, rpc, sql } = await open();
    const runId = await executor.startRun(chain);
    await sql("UPDATE task_instances SET state = 'none', queued_at = NULL WHERE task_id = 'a'");
    const worker = executor.connect({ workerId: "w" });
    await worker.heard("welcome");
    keepAlive(worker, () => worker.assignments.slice(-1));
    const found = await rpc.checkConsistency({ repair: true });
    expect(found.findings.map(({ check }) => check)).toEqual(["run_counts", "ready_not_queued"]);
    worker.succeed(await worker.assigned("a"));
    worker.succeed(await worker.assigned("b"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("stops the process of a task whose end was written beside the rules", async () => {
    const { executor, rpc, sql } = await open();
    const runId = await executor.startRun("id: single\ntasks: [{id: a, type: noop, operator: {}}]\n");
    const worker = executor.connect({ workerId: "w" });
    const running = await worker.assigned("a");
    keepAlive(worker, () => [running]);
    await sql("UPDATE task_instances SET state = 'success', ended_at = now()");
    await rpc.checkConsistency({ repair: true });
    const stop = await worker.heard("stopOrder");
    worker.send({ case: "released", value: { attempt: stop.attempt ?? {} } });
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect((await rpc.checkConsistency({ repair: false })).findings).toEqual([]);
  });

  it("refuses a cursor that is none", async () => {
    const { rpc } = await open();
    await expect(rpc.checkConsistency({ cursor: "nonsense" })).rejects.toThrow(/take next_cursor/);
  });
});
