import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { ExecutorService, type RepairRunRequestSchema, RerunFrom } from "#gen/millrace/v1/executor_service_pb.js";
import { type RepairPlan, TaskState } from "#gen/millrace/v1/task_service_pb.js";
import { OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { newRun } from "#testing/store-driver.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, refOf } from "../fake-worker.testsuite.ts";

const broken = `id: etl
parameters: {day: monday, kept: 1}
tasks:
  - {id: load, type: bash, operator: {bash_command: "load {{ params.day }}"}}
  - {id: check, type: bash, operator: {bash_command: "old"}, dependencies: [load]}
  - {id: report, type: bash, operator: {bash_command: "report {{ params.day }} {{ params.kept }}"}, dependencies: [check]}
`;
const fixed = `id: etl
parameters: {day: monday, added: {type: string, default: new}}
tasks:
  - {id: prepare, type: noop, operator: {}}
  - {id: report, type: bash, operator: {bash_command: "report {{ params.day }} {{ params.added }}"}, dependencies: [verify]}
  - {id: verify, type: noop, operator: {}, dependencies: [load, prepare]}
  - {id: load, type: bash, operator: {bash_command: "load {{ params.day }}"}}
`;

const given = { day: "monday", kept: 7 };

type Action = NonNullable<MessageInitShape<typeof RepairRunRequestSchema>["action"]>;

function repairer(executor: ExecutorHarness, runId: string) {
  const client = createClient(ExecutorService, executor.transport);
  return async (action: Action, plan = false): Promise<RepairPlan> => {
    const request = { dagRunId: runId, plan, caller: "ops", note: "because", action };
    const { repair } = await client.repairRun(request);
    if (repair === undefined) throw new Error("no answer");
    return repair;
  };
}

const rerunFailed = (more: object = {}): Action => ({ case: "rerun", value: { from: RerunFrom.FAILED, ...more } });

/** Task ids by what is done with them. */
function idsOf({ kept, reRun, removed, marked }: RepairPlan): Record<string, readonly string[]> {
  const ids = (tasks: readonly { taskId: string }[]) => tasks.map(({ taskId }) => taskId);
  return { kept: ids(kept), reRun: ids(reRun), removed: ids(removed), marked: ids(marked) };
}

/** `load` has succeeded, `check` failed. */
async function failCheck(executor: ExecutorHarness): Promise<{ runId: string; worker: FakeWorker }> {
  const runId = await executor.startRun(broken, given);
  const worker = executor.connect({ workerId: "w" });
  worker.succeed(await worker.assigned("load"));
  const attempt = refOf(await worker.assigned("check"));
  worker.send({ case: "outcome", value: { attempt, kind: OutcomeKind.FAILED, errorCode: "exit_code", exitCode: 1 } });
  await executor.ended(runId);
  return { runId, worker };
}

async function openPostgres(): Promise<Store> {
  const { store, close } = await openPostgresHarness(toPlan);
  onTestFinished(close);
  return store;
}

describe.each([
  ["memory", async () => createClockedStore(toPlan).store],
  ["PostgreSQL", openPostgres],
])("a repair in %s", (_, openStore) => {
  it("answers the same when it is planned and when it is done, and a plan changes nothing", async () => {
    const executor = await startExecutor(await openStore());
    const { runId, worker } = await failCheck(executor);
    const repair = repairer(executor, runId);
    const before = await executor.run(runId);
    await executor.register(fixed);
    const planned = await repair(rerunFailed({ latestVersion: true }), true);
    expect(idsOf(planned)).toEqual({
      kept: ["load"],
      reRun: ["prepare", "report", "verify"],
      removed: ["check"],
      marked: [],
    });
    expect(planned).toMatchObject({ version: 2, parameters: { day: "monday", kept: 7, added: "new" } });
    expect(planned.warnings).toEqual([expect.stringContaining("`kept` is not declared")]);
    expect(await executor.run(runId)).toEqual(before);
    expect(await repair(rerunFailed({ latestVersion: true }))).toEqual(planned);
    worker.succeed(await worker.assigned("prepare"));
    worker.succeed(await worker.assigned("verify"));
    const report = await worker.assigned("report");
    expect(report.values).toEqual({ MILLRACE_VALUE_1: "monday", MILLRACE_VALUE_2: "new" });
    worker.succeed(report);
    expect(await executor.ended(runId)).toMatchObject({
      state: "success",
      version: 2,
      parameters: { day: "monday", added: "new" },
    });
  });

  it("gives the attempts after it the parameters that it changed, and the others stay", async () => {
    const executor = await startExecutor(await openStore());
    const { runId, worker } = await failCheck(executor);
    const repair = repairer(executor, runId);
    await repair({ case: "rerun", value: { from: RerunFrom.ALL, parameters: { day: "friday" } } });
    const ofLoad = () => worker.assignments.filter(({ attempt }) => attempt?.taskId === "load");
    await expect.poll(() => ofLoad().length).toBe(2);
    const again = ofLoad();
    expect(again.map(({ parameters }) => parameters)).toEqual([
      { day: "monday", kept: 7 },
      { day: "friday", kept: 7 },
    ]);
    expect(again.at(-1)?.attempt).toMatchObject({ generation: 2, tryNumber: 1 });
    expect(await executor.run(runId)).toMatchObject({ parameters: { day: "friday", kept: 7 } });
  });
});

describe("a repair", () => {
  it("clears a task of a running run: its attempt is stopped, the next one waits for that", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const runId = await executor.startRun(broken, given);
    const worker = executor.connect({ workerId: "w" });
    const first = await worker.assigned("load");
    const clear: Action = { case: "clear", value: { tasks: [{ taskId: "load" }], includeDownstream: true } };
    expect(idsOf(await repairer(executor, runId)(clear))).toMatchObject({ reRun: ["load", "check", "report"] });
    const stop = await worker.heard("stopOrder");
    expect(stop.reason).toBe("cleared");
    expect(worker.assignments).toHaveLength(1);
    worker.send({ case: "released", value: { attempt: refOf(first) } });
    await expect.poll(() => worker.assignments.map(({ attempt }) => attempt?.generation)).toEqual([1, 2]);
  });

  it("marks a task and clears what is below in one step", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const { runId, worker } = await failCheck(executor);
    const value = { state: TaskState.SUCCESS, tasks: [{ taskId: "check" }], includeDownstream: true };
    const done = await repairer(executor, runId)({ case: "mark", value });
    expect(idsOf(done)).toEqual({ kept: ["load"], reRun: ["report"], removed: [], marked: ["check"] });
    expect(done.marked).toMatchObject([{ state: TaskState.FAILED, nextState: TaskState.SUCCESS }]);
    worker.succeed(await worker.assigned("report"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    const events = await store.events.readAfter({ afterId: 0, limit: 100, filter: { dagRunId: runId } });
    const audit = { by: "ops", note: "because" };
    expect(events.find(({ data }) => data["reason"] === "manual")?.data).toMatchObject({ task_id: "check", ...audit });
    expect(events.find(({ eventType }) => eventType === "dag_run.repaired")?.data).toMatchObject(audit);
  });

  it.each<[what: string, action: Action, code: string, message: RegExp]>([
    [
      "an unknown task",
      { case: "clear", value: { tasks: [{ taskId: "chek" }] } },
      "TASK_INSTANCE_NOT_FOUND",
      /did you mean check/,
    ],
    [
      "an unknown task of a rerun",
      { case: "rerun", value: { from: RerunFrom.TASKS, taskIds: ["lod"] } },
      "TASK_INSTANCE_NOT_FOUND",
      /did you mean load/,
    ],
    [
      "an unknown item",
      { case: "clear", value: { tasks: [{ taskId: "load", itemKey: "x" }] } },
      "TASK_INSTANCE_NOT_FOUND",
      /load\[x\]/,
    ],
    [
      "a state that can't be set",
      { case: "mark", value: { state: TaskState.RUNNING } },
      "INVALID_ARGUMENT",
      /success, failed/,
    ],
    ["parameters that do not fit", rerunFailed({ parameters: { day: 5 } }), "INVALID_PARAMETERS", /`day`/],
  ])("of %s is refused, planned or not", async (_, action, code, message) => {
    const executor = await startExecutor(createClockedStore(toPlan).store);
    const typed = broken.replace("{day: monday, kept: 1}", "{day: {type: string, default: monday}, kept: 1}");
    const runId = await executor.startRun(typed, given);
    for (const plan of [true, false]) {
      await expect(repairer(executor, runId)(action, plan)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
  });

  it("of nothing that failed is refused, also as a plan; of an archived run always", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const runId = await executor.startRun(broken, given);
    const repair = repairer(executor, runId);
    for (const plan of [true, false])
      await expect(repair(rerunFailed(), plan)).rejects.toMatchObject({ code: "NOTHING_TO_REPAIR" });
    const run = await executor.run(runId);
    const active = await store.definitions.getActive("etl");
    const keys = { dagKey: active?.dagKey ?? 0, versionKey: active?.versionKey ?? 0 };
    await store.runs.createRun(newRun(keys, { logicalAt: run.logicalAt, replaceExisting: true }));
    const clear: Action = { case: "clear", value: {} };
    for (const action of [rerunFailed(), clear])
      for (const plan of [true, false])
        await expect(repair(action, plan)).rejects.toMatchObject({ code: "RUN_ARCHIVED" });
  });

  it("of an unknown run is refused", async () => {
    const executor = await startExecutor(createClockedStore(toPlan).store);
    await expect(repairer(executor, "nobody")(rerunFailed())).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  it("on the newest version of an archived definition is refused", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store);
    const { runId } = await failCheck(executor);
    await store.definitions.archiveFile("etl/etl.yaml");
    await expect(repairer(executor, runId)(rerunFailed({ latestVersion: true }))).rejects.toMatchObject({
      code: "DAG_ARCHIVED",
    });
    expect(idsOf(await repairer(executor, runId)(rerunFailed()))).toMatchObject({ reRun: ["check", "report"] });
  });
});

it("a paused run gets no attempts until it is resumed", async () => {
  const { store } = createClockedStore(toPlan);
  const executor = await startExecutor(store);
  const runId = await executor.startRun(broken, given);
  const client = createClient(ExecutorService, executor.transport);
  await client.setRunPaused({ dagRunId: runId, isPaused: true });
  await client.setRunPaused({ dagRunId: runId, isPaused: true });
  const worker = executor.connect({ workerId: "w" });
  await worker.heard("welcome");
  expect(await store.queries.getRun(runId)).toMatchObject({ isPaused: true });
  expect(worker.assignments).toEqual([]);
  await client.setRunPaused({ dagRunId: runId, isPaused: false });
  await worker.assigned("load");
});
