import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { describe, expect, onTestFinished, test } from "vitest";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { RunService, RunState, TriggerDagRunRequestSchema } from "#gen/millrace/v1/run_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import type { Store } from "#ports/store.ts";
import { fromConnectError } from "#rpc/connect-error.ts";
import { failure, runTask, success } from "#testing/store-driver.ts";
import { hello, registerWorker } from "#testing/worker-builder.ts";
import { memoryStore, openGateway, registerDag } from "./gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

/** A served gateway, and a client that answers status and JSON. */
async function open(store: Store = memoryStore()) {
  const harness = openGateway(store);
  const { url, host, port } = await harness.serve();
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...init,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: (text === "" ? {} : JSON.parse(text)) as Json };
  };
  return { ...harness, url, address: `${host}:${port}`, call };
}

async function endRun(store: Store, runId: string, ordinals: readonly number[]): Promise<void> {
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  for (const ordinal of ordinals) await runTask(store, runKey, ordinal, success);
}

describe("a trigger by REST", () => {
  test("answers 201 with the run, and where to find it", async () => {
    const { store, call, asked } = await open();
    await registerDag(store, "etl");
    const made = await call("POST", "/api/v1/dags/etl/dagRuns", { parameters: { name: "Ada" }, note: "first" });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      dag_id: "etl",
      state: "queued",
      run_type: "manual",
      end_date: null,
      note: "first",
    });
    expect(made.json).toMatchObject({
      parameters: { name: "Ada" },
      triggered_by: "anonymous",
      task_counts: { queued: 1 },
    });
    const found = await call("GET", made.headers.get("location") ?? "");
    expect(found).toMatchObject({ status: 200, json: { dag_run_id: made.json["dag_run_id"] } });
    expect(asked[0]).toMatchObject({ request: { caller: "anonymous", trigger: { dagId: "etl" } } });
  });

  test("repeated under one key answers 200 with the same run, with another body 409", async () => {
    const { store, call } = await open();
    await registerDag(store, "etl");
    const key = { "idempotency-key": "k1" };
    const first = await call("POST", "/api/v1/dags/etl/trigger", { parameters: { a: 1 } }, key);
    const again = await call("POST", "/api/v1/dags/etl/trigger", { parameters: { a: 1 } }, key);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json["dag_run_id"]).toBe(first.json["dag_run_id"]);
    const other = await call("POST", "/api/v1/dags/etl/trigger", { parameters: { a: 2 } }, key);
    expect(other).toMatchObject({ status: 409, json: { error_code: "IDEMPOTENCY_CONFLICT" } });
  });

  test("with wait answers when the run has its end_date", async () => {
    const { store, call } = await open();
    await registerDag(store, "etl", { tasks: ["a", "b<a"] });
    let answered = false;
    const waiting = call("POST", "/api/v1/dags/etl/trigger?wait=true", {}).then((answer) => {
      answered = true;
      return answer;
    });
    await expect.poll(() => store.queries.latestRunId("etl")).not.toBeNull();
    const runId = (await store.queries.latestRunId("etl")) ?? "";
    await endRun(store, runId, [0]);
    expect(answered).toBe(false);
    await endRun(store, runId, [1]);
    const { status, json } = await waiting;
    expect(status).toBe(201);
    expect(json).toMatchObject({ state: "success", dag_run_id: runId, end_date: expect.stringMatching(/Z$/) });
  });

  test("of an unknown DAG is 404, of a broken body 400, of 5 MB 413", async () => {
    const { store, call, url } = await open();
    await registerDag(store, "etl");
    expect(await call("POST", "/api/v1/dags/nope/trigger", {})).toMatchObject({
      status: 404,
      json: { error_code: "DAG_NOT_FOUND" },
    });
    const problem = { file: "new.yaml", line: 2, column: 1, code: "X", message: "is wrong", hint: "", warning: false };
    await store.definitions.recordImportError("new.yaml", "h", [problem]);
    expect(await call("POST", "/api/v1/dags/new/trigger", {})).toMatchObject({
      status: 404,
      json: { error_code: "DAG_NOT_FOUND", details: { errors: [{ message: "is wrong" }] } },
    });
    const wrong = await call("POST", "/api/v1/dags/etl/trigger", { parametres: {} });
    expect(wrong).toMatchObject({ status: 400, json: { details: { field: "parametres", closest: "parameters" } } });
    const large = await fetch(`${url}/api/v1/dags/etl/trigger`, { method: "POST", body: "x".repeat(5 * 1024 * 1024) });
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ error_code: "BODY_TOO_LARGE" });
  });

  test("sent by another site's page is refused", async () => {
    const { store, call, asked } = await open();
    await registerDag(store, "etl");
    for (const headers of [
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
      { origin: "null" },
    ]) {
      const answer = await call("POST", "/api/v1/dags/etl/trigger", {}, headers as Record<string, string>);
      expect(answer).toMatchObject({ status: 403, json: { error_code: "CROSS_SITE_REFUSED" } });
    }
    expect(asked).toEqual([]);
  });
});

describe("reads by REST", () => {
  test("runs: newest first, filtered, paged to the end, latest by name", async () => {
    const { store, call } = await open();
    await registerDag(store, "etl");
    await registerDag(store, "other");
    const ids: unknown[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await call("POST", "/api/v1/dags/etl/trigger", {})).json["dag_run_id"]);
    await call("POST", "/api/v1/dags/other/trigger", {});
    await endRun(store, String(ids[0]), [0]);

    const first = (await call("GET", "/api/v1/dags/etl/dagRuns?limit=2")).json as {
      dag_runs: Json[];
      next_cursor: string;
    };
    expect(first).toMatchObject({ total_count: 3, page_size: 2 });
    expect(first.dag_runs.map((run) => run["dag_run_id"])).toEqual([ids[2], ids[1]]);
    const second = (await call("GET", `/api/v1/dags/etl/dagRuns?limit=2&cursor=${first.next_cursor}`)).json;
    expect(second).toMatchObject({ next_cursor: "", dag_runs: [{ dag_run_id: ids[0], state: "success" }] });

    for (const query of ["state=success", "filter=state:success", "filter=state:success,failed%20dag_id:etl"]) {
      expect((await call("GET", `/api/v1/dagRuns?${query}`)).json).toMatchObject({ total_count: 1 });
    }
    expect((await call("GET", "/api/v1/dags/etl/dagRuns/latest")).json).toMatchObject({ dag_run_id: ids[2] });
    expect((await call("GET", "/api/v1/dags/etl/runs/latest")).json).toMatchObject({ dag_run_id: ids[2] });
    expect((await call("GET", `/api/v1/dags/other/runs/${String(ids[0])}`)).status).toBe(404);
  });

  test.each([
    ["/api/v1/dagRuns?limit=101", "limit"],
    ["/api/v1/dagRuns?limit=-1", "limit"],
    ["/api/v1/dagRuns?state=sucess", "state"],
    ["/api/v1/dagRuns?filter=tag:etl", "filter"],
    ["/api/v1/dagRuns?filter=free%20text", "filter"],
    ["/api/v1/dagRuns?sort=color", "sort"],
    ["/api/v1/dagRuns?cursor=abc", "cursor"],
    ["/api/v1/dagRuns/latest", "dag_run_id"],
    ["/api/v1/dags?filter=is_active:maybe", "is_active"],
  ])("%s is 400 and names %s", async (path, field) => {
    const { call } = await open();
    expect(await call("GET", path)).toMatchObject({
      status: 400,
      json: { error_code: "INVALID_ARGUMENT", details: { field } },
    });
  });

  test.each([
    ["/api/v1/dags/nope", "DAG_NOT_FOUND"],
    ["/api/v1/dags/nope/dagRuns", "DAG_NOT_FOUND"],
    ["/api/v1/dags/nope/runs/latest", "DAG_NOT_FOUND"],
    ["/api/v1/dagRuns/nope", "RUN_NOT_FOUND"],
    ["/api/v1/dagRuns/nope/taskInstances", "RUN_NOT_FOUND"],
    ["/api/v1/dagRuns/nope/events", "RUN_NOT_FOUND"],
    ["/api/v1/taskInstances/nope", "TASK_INSTANCE_NOT_FOUND"],
    ["/api/v1/taskInstances/nope/logs", "TASK_INSTANCE_NOT_FOUND"],
    ["/api/v1/nope", "ROUTE_NOT_FOUND"],
  ])("%s is 404 %s", async (path, code) => {
    const { call } = await open();
    expect(await call("GET", path)).toMatchObject({ status: 404, json: { error_code: code } });
  });

  test("definitions: as they are declared, with the closest name for a mistyped one and the errors of a broken one", async () => {
    const { store, call } = await open();
    const parameters = { name: { type: "string" as const, required: true, minLength: 2 } };
    await registerDag(store, "etl", { tasks: ["a", "b<a"], changes: { parameters, tags: ["daily"], owner: "data" } });
    const { json } = await call("GET", "/api/v1/dags/etl");
    expect(json).toMatchObject({
      dag_id: "etl",
      is_active: true,
      owner: "data",
      tags: ["daily"],
      version: 1,
      last_run: null,
    });
    expect(json).toMatchObject({ tasks: [{ id: "a" }, { id: "b", dependencies: ["a"], trigger_rule: "all_success" }] });
    expect(json).toMatchObject({
      parameters: { name: { min_length: 2, required: true } },
      registration: { state: "active" },
    });

    expect((await call("GET", "/api/v1/dags/elt")).json).toMatchObject({ details: { closest: "etl" } });
    const problem = { file: "new.yaml", line: 3, column: 1, code: "CYCLE", message: "a → a", hint: "", warning: false };
    await store.definitions.recordImportError("dags/new.yaml", "h", [problem]);
    expect((await call("GET", "/api/v1/dags/new")).json).toMatchObject({
      details: { errors: [{ code: "CYCLE", line: 3 }] },
    });
    const broken = await call("GET", "/api/v1/importErrors");
    expect(broken.json).toMatchObject({
      import_errors: [{ file_path: "dags/new.yaml", registration: { state: "failed" } }],
    });
    expect((await call("GET", "/api/v1/dags?filter=is_active:false")).json).toMatchObject({ total_count: 0 });
    expect((await call("GET", "/api/v1/dags?is_active=true&filter=daily")).json).toMatchObject({ total_count: 1 });
  });

  test("task instances with try, error, attempts and outputs", async () => {
    const { store, call } = await open();
    await registerWorker(store, hello("w1"));
    await registerDag(store, "etl", { tasks: ["a", "b<a", "c<b"], retry: { maxRetries: 1 } });
    const { dag_run_id: runId } = (await call("POST", "/api/v1/dags/etl/trigger", {})).json as { dag_run_id: string };
    const runKey = (await store.runs.findRunKey(runId)) ?? 0;
    await runTask(store, runKey, 0, { kind: "success", outputs: [{ key: "rows", json: "[1,2]" }] });
    await runTask(store, runKey, 1, failure());

    const list = (await call("GET", `/api/v1/dagRuns/${runId}/taskInstances`)).json as { task_instances: Json[] };
    const [a, b, c] = list.task_instances;
    expect(a).toMatchObject({
      task_id: "a",
      state: "success",
      retry_view: "success",
      try_number: 1,
      max_tries: 2,
      worker_id: "w1",
    });
    expect(b).toMatchObject({
      state: "up_for_retry",
      retry_view: "failed_will_retry",
      exit_code: 1,
      xcom_values: null,
    });
    expect(b?.["next_retry_time"]).toMatch(/Z$/);
    expect(c).toMatchObject({ state: "none", retry_view: null, start_date: null, error: null });

    const one = (await call("GET", `/api/v1/taskInstances/${String(a?.["id"])}`)).json;
    expect(one).toMatchObject({
      id: `${runId}__a`,
      xcom_values: { rows: [1, 2] },
      log_path: expect.stringContaining("/logs"),
    });
    const attempts = await call("GET", `/api/v1/taskInstances/${String(b?.["id"])}/attempts`);
    expect(attempts.json).toMatchObject({ attempts: [{ attempt_number: 1, state: "failed", exit_code: 1 }] });
    const xcom = await call("GET", `/api/v1/dagRuns/${runId}/xcom/a`);
    expect(xcom.json).toMatchObject({ xcom: [{ key: "rows", value: [1, 2], data_type: "array", size: 5 }] });
    expect((await call("GET", `/api/v1/taskInstances?state=none&dag_id=etl`)).json).toMatchObject({ total_count: 1 });
  });
});

describe("changes by REST", () => {
  test("pause and resume go to the parser", async () => {
    const { store, call, asked } = await open();
    await registerDag(store, "etl");
    expect((await call("PATCH", "/api/v1/dags/etl", { is_paused: true })).json).toMatchObject({ is_paused: true });
    expect((await call("PATCH", "/api/v1/dags/etl", { is_paused: false })).json).toMatchObject({ is_paused: false });
    expect(await call("PATCH", "/api/v1/dags/etl", {})).toMatchObject({
      status: 400,
      json: { details: { field: "is_paused" } },
    });
    expect(asked.map(({ method }) => method)).toEqual(["setPaused", "setPaused"]);
  });

  test("cancel goes to an executor and answers the run", async () => {
    const { store, call, asked } = await open();
    await registerDag(store, "etl");
    const { dag_run_id: runId } = (await call("POST", "/api/v1/dags/etl/trigger", {})).json as { dag_run_id: string };
    const cancelled = await call("DELETE", `/api/v1/dagRuns/${runId}?reason=enough`);
    expect(cancelled).toMatchObject({ status: 200, json: { state: "cancelled", dag_run_id: runId } });
    expect(asked[1]).toMatchObject({ method: "cancelRun", request: { reason: "enough", caller: "anonymous" } });
    expect((await call("DELETE", "/api/v1/dagRuns/nope")).status).toBe(404);
  });
});

describe("health", () => {
  test("is degraded without a worker, healthy with one", async () => {
    const { store, call } = await open();
    const alone = await call("GET", "/health");
    expect(alone).toMatchObject({ status: 200, json: { status: "degraded", version: "1.2.3" } });
    await registerWorker(store, hello("w1"));
    const whole = await call("GET", "/api/v1/health");
    expect(whole.json).toMatchObject({ status: "healthy", components: { workers: { detail: "1 connected" } } });
  });

  test("is 503 without the database, and does not wait for it", async () => {
    const store = memoryStore();
    const away = () => new Promise<never>(() => undefined);
    const { call, url } = await open({ ...store, queries: { ...store.queries, ping: away, countWorkers: away } });
    const [answer, ready] = await Promise.all([call("GET", "/health"), fetch(`${url}/readyz`)]);
    expect(answer).toMatchObject({ status: 503, json: { status: "unhealthy" } });
    expect(answer.json).toMatchObject({ components: { database: { status: "unhealthy" } } });
    expect(ready.status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
});

describe("the same services by RPC", () => {
  test.each(["gRPC", "gRPC-Web", "Connect"])("%s", async (kind) => {
    const { store, url } = await open();
    await registerDag(store, "etl");
    const transport = {
      gRPC: () => createGrpcTransport({ baseUrl: url }),
      "gRPC-Web": () => createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }),
      Connect: () => createConnectTransport({ baseUrl: url, httpVersion: "1.1" }),
    }[kind as "gRPC"]();
    const runs = createClient(RunService, transport);
    const { dagRun, repeatedRequest } = await runs.triggerDagRun(create(TriggerDagRunRequestSchema, { dagId: "etl" }));
    expect(dagRun).toMatchObject({ dagId: "etl", state: RunState.QUEUED });
    expect(repeatedRequest).toBe(false);
    expect((await runs.listDagRuns({})).totalCount).toBe(1n);
    const error = await createClient(DagService, transport).getDag({ dagId: "elt" }).catch(fromConnectError);
    expect(error).toMatchObject({ code: "DAG_NOT_FOUND", details: { closest: "etl" } });
    const lines = createClient(TaskService, transport).streamLogs({ id: `${dagRun?.dagRunId}__only` });
    for await (const message of lines) expect(message.lines).toEqual([]);
  });

  test("@grpc/grpc-js", async () => {
    const { store, address } = await open();
    await registerDag(store, "etl");
    const loaded = loadSync("millrace/v1/run_service.proto", { includeDirs: ["proto"], keepCase: true, enums: String });
    const root = grpc.loadPackageDefinition(loaded) as unknown as {
      millrace: { v1: { RunService: grpc.ServiceClientConstructor } };
    };
    const client = new root.millrace.v1.RunService(address, grpc.credentials.createInsecure());
    onTestFinished(() => client.close());
    const reply = await new Promise<Json>((resolve, reject) => {
      const call = client["TriggerDagRun"] as unknown as (...args: unknown[]) => void;
      call.call(client, { dag_id: "etl" }, (error: Error | null, answer: Json) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
    expect(reply).toMatchObject({ dag_run: { dag_id: "etl", state: "RUN_STATE_QUEUED" } });
  });
});
