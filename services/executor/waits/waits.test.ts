import { createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { ApprovalDecision } from "#gen/millrace/v1/approval_service_pb.js";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Store } from "#ports/store.ts";
import type { ApprovalView } from "#ports/wait-store.ts";
import { createRunningStore } from "#testing/clocked-store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { patience } from "../fake-worker.testsuite.ts";
import type { AskedRun } from "../runs/run-maker.ts";

const page = { limit: 10, cursor: null, sort: null };
const memory = (): Store => createRunningStore(toPlan);

async function outputsOf(store: Store, runId: string): Promise<Record<string, unknown>> {
  const outputs = await store.queries.listOutputs(runId, null);
  return Object.fromEntries(outputs.map(({ taskId, key, json }) => [`${taskId}.${key}`, JSON.parse(json)]));
}

/** The one question that waits. */
async function question(store: Store): Promise<ApprovalView> {
  return vi.waitFor(async () => {
    const [first] = (await store.waits.listApprovals(page, { dagId: null, assignee: null })).items;
    if (first === undefined) throw new Error("nothing waits for an answer");
    return first;
  }, patience);
}

async function answer(
  { transport }: ExecutorHarness,
  taskInstanceId: string,
  given: { reject?: boolean; answers?: JsonObject; comment?: string } = {},
): Promise<void> {
  const decision = given.reject === true ? ApprovalDecision.REJECT : ApprovalDecision.APPROVE;
  const { answers = {}, comment = "" } = given;
  const client = createClient(ExecutorService, transport);
  await client.answerApproval({ taskInstanceId, decision, answers, comment, caller: "ada" });
}

const approvalOf = (fields: string): string =>
  `{id: gate, tasks: [{id: ask, type: approval, operator: {question: "go on?", ${fields}}}, {id: after, type: wait, dependencies: [ask], operator: {duration: 0.01}}]}`;

describe("wait", () => {
  test.each([
    ["for a duration", "{duration: 0.05}"],
    ["until a time", "{until: '2026-01-01'}"],
    ["for a condition", `{condition: "{{ params.open }}", poll_interval: 1s}`],
  ])("ends %s without any worker", async (_how, operator) => {
    const store = memory();
    const executor = await startExecutor(store);
    const yaml = `{id: dag, parameters: {open: true}, tasks: [{id: pause, type: wait, operator: ${operator}}]}`;
    const runId = await executor.startRun(yaml, { open: true });
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    const view = await store.queries.getInstance(`${runId}__pause`);
    expect(await store.queries.listAttempts(view?.runKey ?? 0, 0)).toMatchObject([
      { state: "success", workerId: null },
    ]);
  });

  test("looks at its condition again until it is true", async () => {
    const store = memory();
    const executor = await startExecutor(store);
    const soon = Date.now() + 300;
    const condition = `{{ timestamp(now) > timestamp('${new Date(soon).toISOString()}') }}`;
    const operator = `{condition: "${condition}", poll_interval: 0.1}`;
    const runId = await executor.startRun(`{id: dag, tasks: [{id: pause, type: wait, operator: ${operator}}]}`);
    expect((await executor.ended(runId)).endedAt).toBeGreaterThan(soon);
  });

  test("fails by its timeout, and by a condition that is neither true nor false", async () => {
    const executor = await startExecutor(memory());
    const tasks = `[{id: late, type: wait, timeout: 1s, operator: {duration: 1h}},
      {id: odd, type: wait, operator: {condition: "{{ params.n }}"}}]`;
    const runId = await executor.startRun(`{id: dag, parameters: {n: 3}, tasks: ${tasks}}`, { n: 3 });
    await executor.ended(runId);
    expect(await executor.states(runId)).toEqual({ late: "failed", odd: "failed" });
  });

  test("begins a run in which nothing has begun, also to those who read when it did", async () => {
    const store = memory();
    const executor = await startExecutor(store);
    const operator = `{question: "{{ run.start_date }}"}`;
    const runId = await executor.startRun(`{id: dag, tasks: [{id: ask, type: approval, operator: ${operator}}]}`);
    const asked = Date.parse(String((await question(store)).details["question"]));
    await vi.waitFor(async () => expect((await executor.run(runId)).startedAt).not.toBeNull(), patience);
    expect(asked).toBeLessThanOrEqual((await executor.run(runId)).startedAt ?? 0);
    await answer(executor, `${runId}__ask`);
    expect((await executor.ended(runId)).startedAt).not.toBeNull();
  });

  test("survives the end of every executor", async () => {
    const harness = await openPostgresHarness(toPlan);
    onTestFinished(() => harness.close());
    const first = await startExecutor(harness.store);
    const yaml = `{id: dag, tasks: [{id: pause, type: wait, operator: {duration: 0.5}}]}`;
    const runId = await first.startRun(yaml);
    await vi.waitFor(async () => expect((await first.run(runId)).state).toBe("running"), patience);
    await first.service.stop();
    const second = await startExecutor(await harness.openAnother(), { executorId: "executor-2" });
    expect(await second.ended(runId)).toMatchObject({ state: "success" });
  });
});

describe("approval", () => {
  const form = "form: {region: {type: string, enum: [eu, us], required: true}, note: {type: string, default: none}}";

  test("turns answers, defaults and who gave them into outputs, and is answered once", async () => {
    const store = memory();
    const executor = await startExecutor(store);
    const runId = await executor.startRun(approvalOf(form));
    const asked = await question(store);
    expect(asked.details).toMatchObject({ question: "go on?", form: { region: { required: true } } });
    const id = `${runId}__ask`;
    await answer(executor, id, { answers: { region: "eu" }, comment: "fine" });
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect(await outputsOf(store, runId)).toMatchObject({
      ...{ "ask.region": "eu", "ask.note": "none", "ask.decision": "approve", "ask.comment": "fine" },
      ...{ "ask.answered_by": "ada" },
    });
    await expect(answer(executor, id, { answers: { region: "us" } })).rejects.toMatchObject({
      code: "APPROVAL_NOT_WAITING",
    });
    expect((await outputsOf(store, runId))["ask.region"]).toBe("eu");
    await expect(answer(executor, `${runId}__nope`)).rejects.toMatchObject({ code: "TASK_INSTANCE_NOT_FOUND" });
  });

  test("names each field and rule of answers that do not fit, and goes on waiting", async () => {
    const store = memory();
    const executor = await startExecutor(store);
    await executor.startRun(approvalOf(form));
    const { runId } = await question(store);
    const wrong = answer(executor, `${runId}__ask`, { answers: { region: "mars", colour: "red" } });
    await expect(wrong).rejects.toMatchObject({
      code: "INVALID_ANSWERS",
      message: expect.stringMatching(/`region` must be one of .*\(enum\); `colour` is no field of the form/),
    });
    await expect(answer(executor, `${runId}__ask`)).rejects.toThrow("`region` is required");
    expect(await executor.states(runId)).toMatchObject({ ask: "queued" });
  });

  test.each([
    ["fail", "failed", "upstream_failed"],
    ["skip", "skipped", "skipped"],
    ["continue", "success", "success"],
  ])("a rejection with on_reject %s makes the task %s", async (onReject, ask, after) => {
    const store = memory();
    const executor = await startExecutor(store);
    const runId = await executor.startRun(approvalOf(`${form}, on_reject: ${onReject}`));
    await question(store);
    await answer(executor, `${runId}__ask`, { reject: true, comment: "too early" });
    await executor.ended(runId);
    expect(await executor.states(runId)).toEqual({ ask, after });
    if (ask !== "failed") return;
    const view = await store.queries.getInstance(`${runId}__ask`);
    expect(view).toMatchObject({ reason: "rejected", errorMessage: "rejected by ada: too early" });
  });

  test.each([
    ["approve", "success"],
    ["reject", "failed"],
    ["fail", "failed"],
    ["skip", "skipped"],
  ])("silence with on_timeout %s makes the task %s", async (onTimeout, state) => {
    const store = memory();
    const executor = await startExecutor(store);
    const runId = await executor.startRun(approvalOf(`timeout: 0.05, on_timeout: ${onTimeout}`));
    await executor.ended(runId);
    expect((await executor.states(runId))["ask"]).toBe(state);
    if (state !== "success") return;
    expect(await outputsOf(store, runId)).toMatchObject({ "ask.decision": "approve", "ask.answered_by": "timeout" });
  });

  test("is committed once by two executors that are asked at the same time", async () => {
    const harness = await openPostgresHarness(toPlan);
    onTestFinished(() => harness.close());
    const first = await startExecutor(harness.store);
    const second = await startExecutor(await harness.openAnother(), { executorId: "executor-2" });
    const runId = await first.startRun(approvalOf("assignees: [ada]"));
    await question(harness.store);
    const answers = await Promise.allSettled([
      answer(first, `${runId}__ask`, { comment: "first" }),
      answer(second, `${runId}__ask`, { comment: "second" }),
    ]);
    const [won] = answers.flatMap(({ status }, place) => (status === "fulfilled" ? [place] : []));
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await first.ended(runId);
    expect((await outputsOf(harness.store, runId))["ask.comment"]).toBe(won === 0 ? "first" : "second");
  });

  test("asks each item of a fan-out", async () => {
    const store = memory();
    const executor = await startExecutor(store);
    const operator = `{question: "{{ item }}?"}`;
    const yaml = `{id: dag, tasks: [{id: ask, type: approval, for_each: "['a', 'b']", operator: ${operator}}]}`;
    const runId = await executor.startRun(yaml);
    for (const key of ["0", "1"]) {
      await vi.waitFor(() => answer(executor, `${runId}__ask__${key}`), patience);
    }
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });
});

describe("trigger_dag", () => {
  const child = (operator: string): string => `{id: child, tasks: [{id: work, type: wait, operator: ${operator}}]}`;
  const parent = (fields = ""): string =>
    `{id: parent, tasks: [{id: call, type: trigger_dag, operator: {dag_id: child${fields}}}]}`;

  /** An executor whose runs of other DAGs are made of the given definition; a repeat of a request gets the same run. */
  async function open(yaml: string, store = memory()) {
    const asked: AskedRun[] = [];
    const made = new Map<string, string>();
    const executor: ExecutorHarness = await startExecutor(store, {
      makeRun: async (request) => {
        asked.push(request);
        const id = `${request.parentRunId} ${request.requestId}`;
        const runId = made.get(id) ?? (await executor.startRun(yaml, request.parameters));
        made.set(id, runId);
        return runId;
      },
    });
    return { executor, store, asked, made };
  }

  test("waits for the end of the run, whose id and state are its outputs", async () => {
    const { executor, store, asked, made } = await open(child("{duration: 0.05}"));
    const runId = await executor.startRun(parent(", parameters: {n: 1}, logical_date: '2026-02-03'"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    const [childId] = made.values();
    expect(await outputsOf(store, runId)).toEqual({ "call.dag_run_id": childId, "call.state": "success" });
    expect((await executor.run(childId ?? "")).endedAt).not.toBeNull();
    expect(asked).toEqual([
      {
        ...{ dagId: "child", parameters: { n: 1 }, logicalAt: Date.UTC(2026, 1, 3), replaceExisting: false },
        ...{ parentRunId: runId, requestId: "0/1.1" },
      },
    ]);
  });

  test("ends at once where it does not wait", async () => {
    const { executor, made } = await open(child("{duration: 1h}"));
    const runId = await executor.startRun(parent(", wait: false"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect(await executor.run([...made.values()][0] ?? "")).toMatchObject({ endedAt: null });
  });

  test("fails with the run, by another run for each try; or goes on where `fail_on` leaves its end out", async () => {
    const failing = await open(child(`{condition: "{{ params.x }}"}`).replace("tasks", "parameters: {x: 1}, tasks"));
    const yaml = parent().replace("trigger_dag,", "trigger_dag, retry: {max_retries: 1, delay: 10ms},");
    const runId = await failing.executor.startRun(yaml.replace("10ms", "1s"));
    expect(await failing.executor.ended(runId)).toMatchObject({ state: "failed" });
    expect(failing.asked.map(({ requestId }) => requestId)).toEqual(expect.arrayContaining(["0/1.1", "0/1.2"]));
    const view = await failing.store.queries.getInstance(`${runId}__call`);
    expect(view?.errorMessage).toMatch(/^run .* ended failed$/);
    const tolerated = await failing.executor.startRun(parent(", fail_on: [cancelled]"));
    expect(await failing.executor.ended(tolerated)).toMatchObject({ state: "success" });
  });

  test.each([
    ["a cancel", (executor: ExecutorHarness, runId: string) => executor.cancel(runId)],
    ["its timeout", () => Promise.resolve()],
  ])("passes %s on to the run", async (what, end) => {
    const { executor, made } = await open(child("{duration: 1h}"));
    const runId = await executor.startRun(
      what === "a cancel" ? parent() : parent().replace("trigger_dag,", "trigger_dag, timeout: 1s,"),
    );
    const childId = await vi.waitFor(() => {
      const [first] = made.values();
      if (first === undefined) throw new Error("no run was made");
      return first;
    }, patience);
    await end(executor, runId);
    expect(await executor.ended(childId)).toMatchObject({ state: "cancelled" });
    await executor.ended(runId);
  });

  test("makes one run, whoever of two executors looks, and however often", async () => {
    const harness = await openPostgresHarness(toPlan);
    onTestFinished(() => harness.close());
    const { executor, made, asked } = await open(child("{duration: 0.3}"), harness.store);
    const makeRun = async (request: AskedRun): Promise<string> => {
      const found = await vi.waitFor(() => {
        const runId = made.get(`${request.parentRunId} ${request.requestId}`);
        if (runId === undefined) throw new Error("not made yet");
        return runId;
      }, patience);
      return found;
    };
    await startExecutor(await harness.openAnother(), { executorId: "executor-2", makeRun });
    const runId = await executor.startRun(parent());
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(1);
  });

  test("is asked again where the scheduler is away, and fails with what it refuses for good", async () => {
    let tries = 0;
    const store = memory();
    const executor = await startExecutor(store, {
      makeRun: async () => {
        tries += 1;
        if (tries < 3) throw new AppError("PEER_UNAVAILABLE", "no scheduler answers");
        throw new AppError("DAG_NOT_FOUND", "there is no DAG child");
      },
    });
    const runId = await executor.startRun(parent().replace("trigger_dag,", "trigger_dag, retries: 5,"));
    expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
    expect(tries).toBe(3);
    const view = await store.queries.getInstance(`${runId}__call`);
    expect(view).toMatchObject({ tryNumber: 1, errorMessage: "there is no DAG child" });
  });

  test("ends a row of runs that trigger each other", async () => {
    const made: string[] = [];
    const loop = parent().replace("tasks", "max_active_runs: 100, tasks");
    const executor: ExecutorHarness = await startExecutor(memory(), {
      makeRun: async () => {
        const runId = await executor.startRun(loop);
        made.push(runId);
        return runId;
      },
    });
    const runId = await executor.startRun(loop);
    expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
    expect(made).toHaveLength(20);
  });
});

test("a field that can't be rendered fails the task by name", async () => {
  const store = memory();
  const executor = await startExecutor(store);
  const yaml = `{id: dag, parameters: {at: x}, tasks: [{id: pause, type: wait, operator: {until: "{{ params.at }}"}}]}`;
  const runId = await executor.startRun(yaml, { at: "soon" });
  await executor.ended(runId);
  const view = await store.queries.getInstance(`${runId}__pause`);
  expect(view).toMatchObject({ state: "failed", reason: "render_failed" });
  expect(view?.errorMessage).toMatch(/`operator\.until`.*time such as/);
});
