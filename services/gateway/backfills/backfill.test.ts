import { expect, test } from "vitest";
import { BackfillSelection } from "#gen/millrace/v1/backfill_service_pb.js";
import { newRun } from "#testing/store-driver.ts";
import { openGateway, registerDag } from "../gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

const january = { dag_id: "etl", from: "2026-01-01", to: "2026-01-31" };
const id = "etl__backfill__1";

/** A gateway with the DAG `etl`, and a client that answers status and JSON. */
async function open() {
  const harness = openGateway();
  const { url } = await harness.serve();
  const call = async (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}/api/v1${path}`, { method, headers, ...init });
    return {
      status: response.status,
      location: response.headers.get("location"),
      json: (await response.json()) as Json,
    };
  };
  await registerDag(harness.store, "etl");
  return { ...harness, call, lastAsked: () => harness.asked.at(-1) };
}

test("POST creates a backfill and answers it with its progress; the same key again answers the same", async () => {
  const { call, lastAsked } = await open();
  const key = { "idempotency-key": "k" };
  const made = await call("POST", "/backfills", { ...january, selection: "failed", parameters: { full: true } }, key);
  expect(made).toMatchObject({
    status: 201,
    location: `/api/v1/backfills/${id}`,
    json: { backfill_id: id, dag_id: "etl", state: "planning", is_paused: false, order: "oldest", held_by: "" },
  });
  expect(made.json["progress"]).toMatchObject({ total: 31, waiting: 31, active: 0 });
  const asked = { ...{ dagId: "etl", from: "2026-01-01", to: "2026-01-31" }, selection: BackfillSelection.FAILED };
  expect(lastAsked()).toMatchObject({
    method: "startBackfill",
    request: { caller: "anonymous", backfill: { ...asked, requestId: "k", parameters: { full: true } } },
  });
  expect(await call("POST", "/backfills", january, key)).toMatchObject({ status: 200, json: { backfill_id: id } });
});

test("a dry run answers what would happen, with status 200", async () => {
  const { call, lastAsked } = await open();
  const answer = await call("POST", "/backfills?dry_run=true&limit=5", january);
  expect(answer).toMatchObject({ status: 200, location: null, json: { total_count: 31, create_count: 31, slots: [] } });
  expect(lastAsked()).toMatchObject({ request: { backfill: { dryRun: true, limit: 5 } } });
});

test("backfills are listed, filtered and read", async () => {
  const { call } = await open();
  await call("POST", "/backfills", january);
  expect(await call("GET", "/backfills")).toMatchObject({ json: { total_count: 1, backfills: [{ backfill_id: id }] } });
  expect(await call("GET", "/backfills?state=completed")).toMatchObject({ json: { backfills: [] } });
  expect(await call("GET", "/backfills?filter=state:planning+dag_id:etl")).toMatchObject({ json: { total_count: 1 } });
  expect(await call("GET", "/backfills?state=plannin")).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining("did you mean planning?") },
  });
  expect(await call("GET", "/backfills?dag_id=elt")).toMatchObject({
    status: 404,
    json: { error_code: "DAG_NOT_FOUND" },
  });
  expect(await call("GET", `/backfills/${id}`)).toMatchObject({ status: 200, json: { backfill_id: id } });
  expect(await call("GET", "/backfills/nobody")).toMatchObject({
    status: 404,
    json: { error_code: "BACKFILL_NOT_FOUND" },
  });
});

test("PATCH pauses and resumes, DELETE cancels; a paused definition holds it back", async () => {
  const { call, lastAsked, store } = await open();
  await call("POST", "/backfills", january);
  expect(await call("PATCH", `/backfills/${id}`, { action: "pause" })).toMatchObject({ json: { is_paused: true } });
  expect(await call("PATCH", `/backfills/${id}`, { action: "resume" })).toMatchObject({ json: { is_paused: false } });
  expect(await call("PATCH", `/backfills/${id}`, {})).toMatchObject({ status: 400 });
  expect(await call("PATCH", "/backfills/nobody", { action: "pause" })).toMatchObject({ status: 404 });
  await store.definitions.setPaused("etl", true);
  expect((await call("GET", `/backfills/${id}`)).json["held_by"]).toBe("DAG etl is paused; resume it");
  const cancelled = await call("DELETE", `/backfills/${id}?cancel_runs=true`);
  expect(cancelled).toMatchObject({ status: 200, json: { state: "cancelling", held_by: "" } });
  expect(lastAsked()).toMatchObject({ request: { change: { case: "cancel", value: { cancelRuns: true } } } });
});

test("its runs are listed in the envelope of runs", async () => {
  const { call, store } = await open();
  await call("POST", "/backfills", january);
  const backfill = await store.backfills.get(id);
  const active = await store.definitions.getActive("etl");
  const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
  const keys = { dagKey: active?.dagKey ?? 0, versionKey: active?.versionKey ?? 0 };
  const own = { logicalAt: Date.UTC(2026, 0, 1), runType: "backfill", externalTriggerId: id } as const;
  const made = await store.runs.createRun(newRun(keys, own));
  await store.runs.createRun(newRun(keys));
  const slots = { dates: [own.logicalAt], plannedTo: own.logicalAt, isLast: true };
  if (backfill !== null) await store.backfills.addSlots(backfill, slots, lease?.epoch ?? 0);
  await store.backfills.settle(backfill?.backfillKey ?? 0, lease?.epoch ?? 0);
  const listed = await call("GET", `/backfills/${id}/runs`);
  expect(listed).toMatchObject({
    json: { total_count: 1, dag_runs: [{ dag_run_id: made.kind === "created" && made.runId, run_type: "backfill" }] },
  });
});
