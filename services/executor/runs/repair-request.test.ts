import { createClient } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { onFailpoint } from "#failpoints/failpoint.ts";
import { ExecutorService, RerunFrom } from "#gen/millrace/v1/executor_service_pb.js";
import type { RepairPlan } from "#gen/millrace/v1/task_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { readInstances } from "#testing/store-driver.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";

const etl = `id: etl
tasks:
  - {id: load, type: bash, operator: {bash_command: "load"}}
  - {id: report, type: bash, operator: {bash_command: "report"}, dependencies: [load]}
`;

interface Opened {
  readonly store: Store;
  readonly openAnother: () => Promise<Store>;
}

async function openPostgres(): Promise<Opened> {
  const { store, openAnother, close } = await openPostgresHarness(toPlan);
  onTestFinished(close);
  return { store, openAnother };
}

async function openMemory(): Promise<Opened> {
  const { store } = createClockedStore(toPlan);
  return { store, openAnother: async () => store };
}

interface Asked {
  readonly runId: string;
  readonly id?: string;
  readonly taskId?: string;
  readonly plan?: boolean;
}

async function clear(
  executor: ExecutorHarness,
  { runId, id = "k1", taskId = "load", plan = false }: Asked,
): Promise<RepairPlan | undefined> {
  const action = { case: "clear" as const, value: { tasks: [{ taskId }], includeDownstream: true } };
  const client = createClient(ExecutorService, executor.transport);
  return (await client.repairRun({ dagRunId: runId, caller: "ops", requestId: id, plan, action })).repair;
}

/** Generations of `load` and `report`: each clear begins the next. */
async function generationsOf(store: Store, dagRunId: string): Promise<readonly number[]> {
  const runKey = (await store.runs.findRunKey(dagRunId)) ?? 0;
  return (await readInstances(store, runKey)).map(({ generation }) => generation);
}

/** From now on a write of a run is committed, and nobody hears of it, so often. */
function loseAnswers(times: number, error: Error): void {
  let left = times;
  onFailpoint((name) => {
    if (name !== "run_change.after" || left === 0) return;
    left -= 1;
    throw error;
  });
  onTestFinished(() => onFailpoint(() => undefined));
}

describe.each([
  ["memory", openMemory],
  ["PostgreSQL", openPostgres],
])("a repair with a request id in %s", (_, open) => {
  it("is answered the same when it comes again, at any executor, and done once (G6)", async () => {
    const { store, openAnother } = await open();
    const executor = await startExecutor(store);
    const other = await startExecutor(await openAnother(), { executorId: "executor-2" });
    const runId = await executor.startRun(etl);
    const first = await clear(executor, { runId });
    await clear(executor, { runId, id: "k2", taskId: "report" });
    expect(await clear(executor, { runId })).toEqual(first);
    expect(await clear(other, { runId })).toEqual(first);
    expect(await generationsOf(store, runId)).toEqual([2, 3]);
  });

  it("is done once when it comes twice at once", async () => {
    const { store, openAnother } = await open();
    const executor = await startExecutor(store);
    const other = await startExecutor(await openAnother(), { executorId: "executor-2" });
    const runId = await executor.startRun(etl);
    const [first, ...others] = await Promise.all(
      [executor, other, executor, other].map((one) => clear(one, { runId })),
    );
    for (const answer of others) expect(answer).toEqual(first);
    expect(await generationsOf(store, runId)).toEqual([2, 2]);
  });

  it("that finds nothing to do is refused again when it comes again, whatever there is to do by then (G6)", async () => {
    const { store, openAnother } = await open();
    const executor = await startExecutor(store);
    const other = await startExecutor(await openAnother(), { executorId: "executor-2" });
    const runId = await executor.startRun(etl);
    const rerunFailed = async (at: ExecutorHarness, requestId: string): Promise<RepairPlan | undefined> => {
      const action = { case: "rerun" as const, value: { from: RerunFrom.FAILED } };
      const client = createClient(ExecutorService, at.transport);
      return (await client.repairRun({ dagRunId: runId, caller: "ops", requestId, action })).repair;
    };
    await expect(rerunFailed(executor, "k1")).rejects.toMatchObject({ code: "NOTHING_TO_REPAIR" });
    await executor.cancel(runId);
    for (const each of [executor, other])
      await expect(rerunFailed(each, "k1")).rejects.toMatchObject({ code: "NOTHING_TO_REPAIR" });
    await expect(clear(other, { runId })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    expect(await generationsOf(store, runId)).toEqual([1, 1]);
    expect((await rerunFailed(other, "k2"))?.reRun).toMatchObject([{ taskId: "load" }, { taskId: "report" }]);
  });

  it("is refused when the id was used for something else, and not remembered as a plan", async () => {
    const executor = await startExecutor((await open()).store);
    const runId = await executor.startRun(etl);
    await clear(executor, { runId, taskId: "report", plan: true });
    await clear(executor, { runId });
    await expect(clear(executor, { runId, taskId: "report" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
      details: { request_id: "k1" },
    });
    const another = await executor.startRun(etl.replace("id: etl", "id: other"));
    await expect(clear(executor, { runId: another })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    expect((await clear(executor, { runId, taskId: "report", plan: true }))?.reRun).toMatchObject([
      { taskId: "report" },
    ]);
  });
});

describe("a repair that was committed and whose answer was lost", () => {
  it("is found done by the same request at another executor", async () => {
    const { store, openAnother } = await openPostgres();
    const executor = await startExecutor(store);
    const other = await startExecutor(await openAnother(), { executorId: "executor-2" });
    const runId = await executor.startRun(etl);
    loseAnswers(1, new Error("nobody is told"));
    await expect(clear(executor, { runId })).rejects.toMatchObject({ code: "INTERNAL" });
    expect((await clear(other, { runId }))?.reRun).toMatchObject([{ taskId: "load" }, { taskId: "report" }]);
    expect(await generationsOf(store, runId)).toEqual([2, 2]);
  });

  it("is not done again by the writer that tries it again", async () => {
    const { store } = await openPostgres();
    const executor = await startExecutor(store);
    const runId = await executor.startRun(etl);
    loseAnswers(1, new AppError("DATABASE_UNAVAILABLE", "the connection broke"));
    expect((await clear(executor, { runId }))?.reRun).toMatchObject([{ taskId: "load" }, { taskId: "report" }]);
    expect(await generationsOf(store, runId)).toEqual([2, 2]);
  });
});

it("ids of more than 200 characters are refused", async () => {
  const executor = await startExecutor(createClockedStore(toPlan).store);
  const runId = await executor.startRun(etl);
  await expect(clear(executor, { runId, id: "x".repeat(201) })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
