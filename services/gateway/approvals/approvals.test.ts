import { expect, test } from "vitest";
import { ApprovalDecision } from "#gen/millrace/v1/approval_service_pb.js";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { change, startRun } from "#testing/store-driver.ts";
import { openGateway } from "../gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

const details = {
  question: "publish?",
  form: { region: { type: "string", required: true, enum: ["eu"], minLength: 2 } },
  assignees: ["ada"],
  timeoutMs: 60_000,
  onTimeout: "reject",
  onReject: "fail",
};

/** A question that waits, and a client that answers status and JSON. */
async function open() {
  const harness = openGateway(createMemoryStore({ toPlan: planOfSpec }));
  const { store } = harness;
  const { url } = await harness.serve();
  const call = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/api/v1${path}`, { method, headers, ...init });
    return { status: response.status, json: (await response.json()) as Json };
  };
  const { runKey, runId } = await startRun(store, [{ id: "ask", waits: { timeoutMs: null } }]);
  const key = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
  await store.waits.save({ ...key, kind: "approval", timeoutMs: null, depth: 0, details });
  await change(store, runKey, [{ kind: "wait_begun", ordinal: 0, fence: 0, waitsFor: "approval", dueAt: null }]);
  const answered = () => harness.asked.findLast(({ method }) => method === "answerApproval")?.request;
  return { ...harness, call, runKey, runId, id: `${runId}__ask`, answered };
}

test("GET /approvals lists what waits, with its form as a definition has it", async () => {
  const { call, id, runId } = await open();
  const approval = {
    task_instance_id: id,
    dag_run_id: runId,
    task_id: "ask",
    map_index: null,
    question: "publish?",
    form: { region: { type: "string", required: true, enum: ["eu"], min_length: 2 } },
    assignees: ["ada"],
    on_timeout: "reject",
  };
  const listed = await call("GET", "/approvals");
  expect(listed).toMatchObject({ status: 200, json: { approvals: [approval], total_count: 1 } });
  expect(await call("GET", `/approvals/${id}`)).toMatchObject({ status: 200, json: approval });
  expect((await call("GET", "/approvals?assignee=bob")).json).toMatchObject({ approvals: [] });
  expect((await call("GET", "/approvals?assignee=ada&limit=1")).json).toMatchObject({ approvals: [approval] });
});

test("POST /approvals/{id} asks an executor", async () => {
  const { call, id, answered } = await open();
  const body = { decision: "reject", answers: { region: "eu" }, comment: "no" };
  expect(await call("POST", `/approvals/${id}`, body)).toMatchObject({ status: 200 });
  expect(answered()).toMatchObject({
    taskInstanceId: id,
    decision: ApprovalDecision.REJECT,
    answers: { region: "eu" },
    comment: "no",
    caller: "anonymous",
  });
});

test.each([
  [{}, "decision must be approve or reject"],
  [{ decision: "maybe" }, "decision"],
  [{ decision: "approve", comment: "x".repeat(10_001) }, "comment is longer than 10000 characters"],
])("an answer %j is refused", async (body, message) => {
  const { call, id, answered } = await open();
  expect(await call("POST", `/approvals/${id}`, body)).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining(message) },
  });
  expect(answered()).toBeUndefined();
});

test("a question that waits no more is a conflict, and an unknown one is not found", async () => {
  const { call, id, runKey, store } = await open();
  await change(store, runKey, [{ kind: "cancel", reason: "" }]);
  expect(await call("GET", `/approvals/${id}`)).toMatchObject({
    status: 409,
    json: { error_code: "APPROVAL_NOT_WAITING" },
  });
  expect(await call("GET", `/approvals/${id}x`)).toMatchObject({ status: 404 });
});
