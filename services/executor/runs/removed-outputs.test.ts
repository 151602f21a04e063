import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { ExecutorService, RerunFrom } from "#gen/millrace/v1/executor_service_pb.js";
import { OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { change } from "#testing/store-driver.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { refOf } from "../fake-worker.testsuite.ts";

const dayMs = 86_400_000;

function definition(command: string): string {
  return `id: etl
tasks:
  - {id: load, type: bash, operator: {bash_command: "load"}}
  - {id: check, type: bash, operator: {bash_command: "${command}"}, dependencies: [load]}
`;
}

/** `load` has left an output, `check` has failed, and the time of outputs is over. */
async function open(command: string, change: (store: Store) => Store = (store) => store) {
  const { store, advance } = createClockedStore(toPlan);
  const executor = await startExecutor(change(store), { leaseMs: 600 * dayMs });
  const runId = await executor.startRun(definition(command));
  const worker = executor.connect({ workerId: "w" });
  const load = refOf(await worker.assigned("load"));
  const outputs = [{ key: "rows", json: "7" }];
  worker.send({ case: "outcome", value: { attempt: load, kind: OutcomeKind.SUCCESS, outputs } });
  const check = refOf(await worker.assigned("check"));
  worker.send({ case: "outcome", value: { attempt: check, kind: OutcomeKind.FAILED, errorCode: "exit_code" } });
  await executor.ended(runId);
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const remove = async (): Promise<void> => {
    advance(7 * dayMs);
    await store.retention.remove({ kind: "outputs", retentionMs: 7 * dayMs }, { runKeys: [runKey], limit: 9 });
  };
  const client = createClient(ExecutorService, executor.transport);
  const rerun = async (plan: boolean, taskIds: readonly string[] = []) => {
    const from = taskIds.length === 0 ? RerunFrom.FAILED : RerunFrom.TASKS;
    const action = { case: "rerun" as const, value: { from, taskIds: [...taskIds] } };
    return (await client.repairRun({ dagRunId: runId, plan, caller: "ops", action })).repair;
  };
  return { executor, worker, runId, remove, rerun, store, client };
}

/** A store in which something happens once, behind a repair's look at what was removed. */
function behindTheLook(store: Store, happens: () => Promise<void>): Store {
  let isFirst = true;
  const listRemovals: typeof store.retention.listRemovals = async (runKey) => {
    const removals = await store.retention.listRemovals(runKey);
    if (isFirst) {
      isFirst = false;
      await happens();
    }
    return removals;
  };
  return { ...store, retention: { ...store.retention, listRemovals } };
}

const fanOut = `id: fan
tasks:
  - {id: each, type: bash, operator: {bash_command: "each"}, for_each: "[1, 2, 3]"}
  - {id: sum, type: bash, operator: {bash_command: "sum {{ outputs.each.rows }}"}, dependencies: [each]}
`;

describe("a rerun of a run whose outputs were removed", () => {
  it.each([true, false])(
    "is refused where a task reads what is gone, and names what must run again (plan %s)",
    async (plan) => {
      const { remove, rerun, executor, runId } = await open("check {{ outputs.load.rows }}");
      await remove();
      await expect(rerun(plan)).rejects.toMatchObject({
        code: "OUTPUTS_REMOVED",
        message:
          "outputs were removed after 7 days (outputs.retention), and task check reads those of load; let load run again, too",
      });
      expect(await executor.states(runId)).toEqual({ load: "success", check: "failed" });
    },
  );

  it("runs from the task whose outputs are read, which leaves them anew", async () => {
    const { remove, rerun, worker } = await open("check {{ outputs.load.rows }}");
    await remove();
    expect((await rerun(false, ["load"]))?.warnings).toEqual([]);
    const outputs = [{ key: "rows", json: "8" }];
    const attempt = refOf(await worker.assigned("load"));
    worker.send({ case: "outcome", value: { attempt, kind: OutcomeKind.SUCCESS, outputs } });
    expect((await worker.assigned("check")).operator).toEqual({ bash_command: expect.anything() });
  });

  it("says in its plan that outputs of what is kept are gone, where nobody reads them", async () => {
    const { remove, rerun, worker } = await open("check");
    await remove();
    const warnings = ["outputs were removed after 7 days (outputs.retention), also those of what is kept: load"];
    expect((await rerun(true))?.warnings).toEqual(warnings);
    expect((await rerun(false))?.warnings).toEqual(warnings);
    await worker.assigned("check");
  });

  it("fails the task that reads what is gone, where the rerun came past the plan", async () => {
    const { executor, store, remove, runId } = await open("check {{ outputs.load.rows }}");
    await remove();
    const runKey = (await store.runs.findRunKey(runId)) ?? 0;
    const author = { by: "a backfill", note: "" };
    await change(store, runKey, [{ kind: "rerun", from: "failed", target: null, author }]);
    store.wake.notify("queued");
    await executor.ended(runId);
    const check = await store.queries.getInstance(`${runId}__check`);
    expect(check).toMatchObject({ state: "failed", errorCode: "render_failed" });
    expect(check?.errorMessage).toBe(
      "outputs were removed after 7 days (outputs.retention), also those of load; rerun from there",
    );
  });

  it("fails the task that reads the list of a fan-out of which the outputs of some items are gone", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs: 600 * dayMs });
    const runId = await executor.startRun(fanOut);
    const worker = executor.connect({ workerId: "w" });
    for (const place of [0, 1, 2])
      worker.succeed(await worker.assigned("each", 1, place), [{ key: "rows", json: String(place) }]);
    const attempt = refOf(await worker.assigned("sum"));
    worker.send({ case: "outcome", value: { attempt, kind: OutcomeKind.FAILED, errorCode: "exit_code" } });
    await executor.ended(runId);
    const runKey = (await store.runs.findRunKey(runId)) ?? 0;
    advance(7 * dayMs);
    await store.retention.remove({ kind: "outputs", retentionMs: 7 * dayMs }, { runKeys: [runKey], limit: 1 });
    const author = { by: "a backfill", note: "" };
    await change(store, runKey, [{ kind: "rerun", from: "failed", target: null, author }]);
    store.wake.notify("queued");
    await executor.ended(runId);
    expect(await store.queries.getInstance(`${runId}__sum`)).toMatchObject({
      state: "failed",
      errorMessage: "outputs were removed after 7 days (outputs.retention), also those of each; rerun from there",
    });
  });

  it("is as ever while the outputs are there", async () => {
    const { rerun, worker } = await open("check {{ outputs.load.rows }}");
    expect((await rerun(false))?.warnings).toEqual([]);
    await worker.assigned("check");
  });
});

it("a clear whose run loses its outputs behind the look at them is looked at anew, and refused", async () => {
  const late = { remove: async (): Promise<void> => undefined };
  const opened = await open("check {{ outputs.load.rows }}", (store) => behindTheLook(store, () => late.remove()));
  const { client, executor, runId } = opened;
  late.remove = opened.remove;
  const action = { case: "clear" as const, value: { tasks: [{ taskId: "check" }] } };
  await expect(client.repairRun({ dagRunId: runId, plan: false, caller: "ops", action })).rejects.toMatchObject({
    code: "OUTPUTS_REMOVED",
  });
  expect(await executor.states(runId)).toEqual({ load: "success", check: "failed" });
});
