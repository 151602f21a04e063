import { expect, test } from "vitest";
import { RerunFrom } from "#gen/millrace/v1/executor_service_pb.js";
import { TaskState } from "#gen/millrace/v1/task_service_pb.js";
import { change, claim, failure, readInstances, runTask } from "#testing/store-driver.ts";
import { hello, registerWorker } from "#testing/worker-builder.ts";
import { openGateway, registerDag } from "../gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

/** A run of `a`, and `b` below it, with a client that answers status and JSON. */
async function open() {
  const harness = openGateway();
  const { url } = await harness.serve();
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...init,
    });
    return { status: response.status, json: (await response.json()) as Json };
  };
  await registerDag(harness.store, "etl", { tasks: ["a", "b<a"] });
  const made = await call("POST", "/dags/etl/dagRuns", {});
  const runId = String(made.json["dag_run_id"]);
  const runKey = (await harness.store.runs.findRunKey(runId)) ?? 0;
  const repaired = () => harness.asked.findLast(({ method }) => method === "repairRun")?.request;
  return { ...harness, call, runId, runKey, repaired };
}

const plan = { version: 1, re_run: [{ task_id: "a" }], kept: [], removed: [], marked: [] };

test.each<[path: string, body: unknown, action: unknown]>([
  ["/rerun", {}, { case: "rerun", value: { from: RerunFrom.FAILED, latestVersion: false } }],
  [
    "/rerun",
    { from: "all", version: "latest" },
    { case: "rerun", value: { from: RerunFrom.ALL, latestVersion: true } },
  ],
  [
    "/rerun",
    { from: ["a", "b"], version: "same", parameters: { n: 1 } },
    { case: "rerun", value: { from: RerunFrom.TASKS, taskIds: ["a", "b"], parameters: { n: 1 } } },
  ],
  ["/clear", { task_ids: ["a"] }, { case: "clear", value: { tasks: [{ taskId: "a" }], includeDownstream: false } }],
  ["/clear", { include_downstream: true }, { case: "clear", value: { tasks: [], includeDownstream: true } }],
  [
    "/mark",
    { state: "skipped", task_ids: ["b"], include_downstream: true },
    { case: "mark", value: { state: TaskState.SKIPPED, tasks: [{ taskId: "b" }], includeDownstream: true } },
  ],
])("POST …%s %j is asked of an executor and answers the plan", async (path, body, action) => {
  const { call, runId, repaired } = await open();
  const done = await call("POST", `/dagRuns/${runId}${path}`, { ...(body as object), note: "why" });
  expect(done).toMatchObject({ status: 200, json: { dag_run_id: runId, ...plan } });
  expect(repaired()).toMatchObject({ dagRunId: runId, plan: false, caller: "anonymous", note: "why", action });
  await call("POST", `/dagRuns/${runId}${path}?plan=true`, body);
  expect(repaired()).toMatchObject({ plan: true, action });
});

test("every repair takes an idempotency key, as a header or a field", async () => {
  const { call, runId, repaired } = await open();
  const paths = ["rerun", "clear", "mark"].map((verb) => `/dagRuns/${runId}/${verb}`);
  const ofTask = ["clear", "mark"].map((verb) => `/taskInstances/${runId}__b/${verb}`);
  for (const path of [...paths, ...ofTask]) {
    const body = path.endsWith("mark") ? { state: "failed" } : {};
    expect(await call("POST", path, body, { "idempotency-key": `header ${path}` })).toMatchObject({ status: 200 });
    expect(repaired()).toMatchObject({ requestId: `header ${path}` });
    await call("POST", path, { ...body, request_id: `field ${path}` });
    expect(repaired()).toMatchObject({ requestId: `field ${path}` });
  }
  await call("PATCH", `/dagRuns/${runId}`, { action: "clear" }, { "idempotency-key": "k" });
  expect(repaired()).toMatchObject({ requestId: "k" });
});

test("one task instance is cleared and marked by its id", async () => {
  const { call, runId, repaired } = await open();
  await call("POST", `/taskInstances/${runId}__b/clear?plan=true`, { include_downstream: true });
  const tasks = [{ taskId: "b" }];
  expect(repaired()).toMatchObject({
    dagRunId: runId,
    plan: true,
    action: { case: "clear", value: { tasks, includeDownstream: true } },
  });
  await call("POST", `/taskInstances/${runId}__b/mark`, { state: "failed", note: "n" });
  expect(repaired()).toMatchObject({ action: { case: "mark", value: { tasks, state: TaskState.FAILED } }, note: "n" });
  const missing = await call("POST", `/taskInstances/${runId}__c/clear`, {});
  expect(missing).toMatchObject({ status: 404, json: { error_code: "TASK_INSTANCE_NOT_FOUND" } });
});

test("PATCH pauses, resumes and clears a run, and answers it; a planned clear answers the plan", async () => {
  const { call, runId, repaired } = await open();
  const patch = (body: Json, query = "") => call("PATCH", `/dagRuns/${runId}${query}`, body);
  expect(await patch({ action: "pause" })).toMatchObject({ status: 200, json: { is_paused: true } });
  expect(await patch({ action: "resume" })).toMatchObject({ json: { dag_run_id: runId, is_paused: false } });
  expect(await patch({ action: "clear" })).toMatchObject({ json: { dag_run_id: runId, state: "queued" } });
  expect(repaired()).toMatchObject({ plan: false, action: { case: "clear", value: { tasks: [] } } });
  const planned = await patch({ action: "clear" }, "?plan=true");
  expect(planned).toMatchObject({ status: 200, json: plan });
  expect(planned.json).not.toHaveProperty("state");
  expect(repaired()).toMatchObject({ plan: true });
  expect(await patch({ action: "pause" }, "?plan=true")).toMatchObject({ status: 400 });
  expect(await patch({})).toMatchObject({ status: 400, json: { message: expect.stringContaining("pause, resume") } });
});

test.each<[path: string, body: unknown, message: string]>([
  ["rerun", { from: "faild" }, 'from must be "failed", "all" or a list of task ids'],
  ["rerun", { from: [] }, "from must be"],
  ["rerun", { from: ["a", 1] }, "from must be"],
  ["rerun", { from: { a: 1 } }, "from must be"],
  ["rerun", { version: "newest" }, "version must be one of same, latest"],
  ["mark", {}, "state must be success, failed or skipped"],
  ["mark", { state: "running" }, "state must be success, failed or skipped"],
  ["clear", { note: "x".repeat(1001) }, "note is longer than 1000"],
  ["clear", { tasks: ["a"] }, "unknown field tasks"],
])("POST …/%s %j is refused", async (path, body, message) => {
  const { call, runId, asked } = await open();
  const refused = await call("POST", `/dagRuns/${runId}/${path}`, body);
  expect(refused).toMatchObject({ status: 400, json: { message: expect.stringContaining(message) } });
  expect(asked.some(({ method }) => method === "repairRun")).toBe(false);
});

test("instances that run for long are found among all", async () => {
  const { call, store, runKey } = await open();
  await claim(store, runKey, 0);
  const list = async (query: string) => (await call("GET", `/taskInstances?${query}`)).json["task_instances"] as Json[];
  await expect.poll(async () => (await list("running_longer_than=1ms")).map((one) => one["task_id"])).toEqual(["a"]);
  expect(await list("filter=running_longer_than:1h%20state:running")).toEqual([]);
  const refused = await call("GET", "/taskInstances?running_longer_than=long");
  expect(refused).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining("must be a duration such as") },
  });
});

test("a run and its tasks are explained", async () => {
  const { call, store, runId, runKey } = await open();
  const explain = async (path: string) => (await call("GET", `${path}/explain`)).json;
  expect(await explain(`/dagRuns/${runId}`)).toEqual({
    dag_run_id: runId,
    id: "",
    summary: "the run is queued; 2 task instances have not ended",
    reasons: [
      {
        id: `${runId}__a`,
        task_id: "a",
        map_index: null,
        state: "queued",
        code: "no_worker",
        text: "no live worker takes queue default: no worker is connected",
        held_by: [],
      },
      {
        id: `${runId}__b`,
        task_id: "b",
        map_index: null,
        state: "none",
        code: "parents",
        text: "waits for a (queued)",
        held_by: [{ text: "a (queued)", dag_run_id: runId, task_id: "a", map_index: null }],
      },
    ],
    more: 0,
    next_cursor: "",
  });
  const { workerKey } = await registerWorker(store, hello("w1"));
  await claim(store, runKey, 0, workerKey);
  const [row] = await readInstances(store, runKey);
  await change(store, runKey, [{ kind: "outcome", ordinal: 0, fence: row?.fence ?? 0, outcome: failure() }]);
  expect(await explain(`/taskInstances/${runId}__b`)).toMatchObject({
    id: `${runId}__b`,
    summary: "it never ran: a (failed)",
  });
  expect(await explain(`/dagRuns/${runId}`)).toMatchObject({ summary: "the run has ended: failed", reasons: [] });
  expect(await call("GET", "/dagRuns/nobody/explain")).toMatchObject({ status: 404 });
});

test("an explanation of a wide run says how much it leaves out, and tells of that or of some instances when asked", async () => {
  const { call, store } = await open();
  await registerDag(store, "wide", { tasks: ["only", ...Array.from({ length: 120 }, (_, place) => `t${place}<only`)] });
  const made = await call("POST", "/dags/wide/dagRuns", {});
  const { json } = await call("GET", `/dagRuns/${String(made.json["dag_run_id"])}/explain`);
  expect((json["reasons"] as Json[])[0]).toMatchObject({ task_id: "only" });
  expect([(json["reasons"] as Json[]).length, json["more"]]).toEqual([100, 21]);
  const runId = String(made.json["dag_run_id"]);
  const ask = async (query: string) => call("GET", `/dagRuns/${runId}/explain?${query}`);
  const rest = (await ask(`cursor=${String(json["next_cursor"])}`)).json;
  expect(rest).toMatchObject({ summary: "", more: 0, next_cursor: "" });
  const told = [json, rest].flatMap((page) => (page["reasons"] as Json[]).map((reason) => reason["task_id"]));
  expect([told.length, new Set(told).size]).toEqual([121, 121]);
  const some = (await ask(`task_instance_ids=${runId}__t7&task_instance_ids=${runId}__t119`)).json;
  expect((some["reasons"] as Json[]).map((reason) => reason["task_id"])).toEqual(["t7", "t119"]);
  expect(await ask("cursor=mine")).toMatchObject({ status: 400, json: { details: { field: "cursor" } } });
  expect(await ask("task_instance_ids=other__a")).toMatchObject({ status: 400 });
  const runKey = (await store.runs.findRunKey(String(made.json["dag_run_id"]))) ?? 0;
  await runTask(store, runKey, 0, failure());
});
