import { expect, test } from "vitest";
import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import { openGateway, registerDag } from "../gateway-harness.testsuite.ts";

type Json = Record<string, unknown>;

const basis = { pollIntervalMs: 30_000, timeoutMs: 30_000, batchSize: 1000, source: "" };
const file: SensorDefinition = {
  ...{ ...basis, type: "file", id: "inbox", directory: "/data/in", pattern: "*.csv", trigger: "file_created" },
  ...{ minSize: 0, stabilizationMs: 30_000, isRecursive: false },
};
const after: SensorDefinition = { ...basis, type: "dag", id: "after", dagId: "other", states: ["success"], delayMs: 0 };

/** A gateway with the DAG `etl`, which has two sensors, and a client that answers status and JSON. */
async function open() {
  const harness = openGateway();
  const { url } = await harness.serve();
  const call = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}/api/v1${path}`, { method, ...init });
    return { status: response.status, json: (await response.json()) as Json };
  };
  await registerDag(harness.store, "etl", { changes: { sensors: [file, after] } });
  return { ...harness, call, lastAsked: () => harness.asked.at(-1) };
}

test("sensors are listed, filtered and read with their state", async () => {
  const { call, store } = await open();
  const listed = await call("GET", "/sensors");
  expect(listed.json).toMatchObject({
    total_count: 2,
    sensors: [
      { dag_id: "etl", sensor_id: "after", type: "dag", target: "success of other" },
      {
        sensor_id: "inbox",
        type: "file",
        state: "new",
        target: "/data/in/*.csv",
        poll_interval_ms: 30_000,
        slowdown: 1,
      },
    ],
  });
  expect(await call("GET", "/sensors?type=file&dag_id=etl")).toMatchObject({ json: { total_count: 1 } });
  expect(await call("GET", "/sensors?filter=failing:true")).toMatchObject({ json: { total_count: 0 } });
  expect(await call("GET", "/sensors?type=fiel")).toMatchObject({ status: 400 });
  expect(await call("GET", "/sensors?dag_id=elt")).toMatchObject({
    status: 404,
    json: { error_code: "DAG_NOT_FOUND" },
  });
  await store.definitions.setPaused("etl", true);
  expect(await call("GET", "/sensors/etl/inbox")).toMatchObject({
    status: 200,
    json: { state: "paused", is_paused: false, is_dag_paused: true, error: "", events: [] },
  });
  expect(await call("GET", "/sensors/etl/nobody")).toMatchObject({
    status: 404,
    json: { error_code: "SENSOR_NOT_FOUND" },
  });
  expect(await call("GET", "/sensors/elt/inbox")).toMatchObject({ status: 404, json: { error_code: "DAG_NOT_FOUND" } });
});

test("PATCH pauses and resumes, POST lets it look at once", async () => {
  const { call, lastAsked } = await open();
  expect(await call("PATCH", "/sensors/etl/inbox", { action: "pause" })).toMatchObject({ json: { is_paused: true } });
  expect(await call("PATCH", "/sensors/etl/inbox", { action: "resume" })).toMatchObject({ json: { is_paused: false } });
  expect(await call("PATCH", "/sensors/etl/inbox", {})).toMatchObject({ status: 400 });
  expect(await call("POST", "/sensors/etl/inbox/poll")).toMatchObject({ status: 200, json: { sensor_id: "inbox" } });
  expect(lastAsked()).toMatchObject({
    method: "changeSensor",
    request: { change: { case: "poll" }, caller: "anonymous" },
  });
  expect(await call("POST", "/sensors/etl/nobody/poll")).toMatchObject({ status: 404 });
});

test("events tell what was seen, and what came of it", async () => {
  const { call, store } = await open();
  const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
  const due = await store.sensors.listDue({ limit: 9, without: { keys: [], types: ["dag"] } });
  const events = [{ subject: "a.csv", data: { path: "/data/in/a.csv" }, reason: "skipped" }];
  const pace = { factor: 4, quietCount: 0, failureCount: 2 };
  const patch = { put: new Map([["a.csv", 1]]), drop: [] };
  for (const { sensorKey, stateVersion } of due) {
    const poll = {
      sensorKey,
      stateVersion,
      patch,
      events,
      startedAt: Date.now() + 1000,
      nextAt: 0,
      pace,
      error: "why",
    };
    await store.sensors.record(poll, lease?.epoch ?? 0);
  }
  expect(await call("GET", "/sensors/etl/inbox")).toMatchObject({
    json: { state: "failing", error: "why", slowdown: 4, item_count: 1, events: [{ subject: "a.csv" }] },
  });
  expect(await call("GET", "/sensors/etl/inbox/events?limit=1")).toMatchObject({
    json: {
      total_count: 1,
      events: [{ subject: "a.csv", data: { path: "/data/in/a.csv" }, dag_run_id: "", reason: "skipped" }],
    },
  });
  expect(await call("GET", "/sensors/etl/nobody/events")).toMatchObject({ status: 404 });
});
