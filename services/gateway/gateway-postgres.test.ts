import { expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import type { Store } from "#ports/store.ts";
import { runTask, success } from "#testing/store-driver.ts";
import { createTestDatabase } from "#testing/template-database.ts";
import { httpRequest, logger, openGateway, registerDag, textOf, toPlan } from "./gateway-harness.testsuite.ts";

interface Event {
  readonly event_type: string;
}

/** A store on PostgreSQL whose events are published as they come. */
async function openStore(): Promise<Store> {
  const database = await createTestDatabase();
  const { connectionString } = database;
  const store = await openPostgresStore({ connectionString, poolSize: 4, logger, toPlan, unsafe: true });
  const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
  const unlisten = store.wake.listen("outbox", () => void store.events.publish(lease?.epoch ?? 0, 100));
  onTestFinished(async () => {
    unlisten();
    await store.close();
    await database.drop();
  });
  return store;
}

test("on PostgreSQL a triggered run is waited for, listed, logged and told in events", async () => {
  const store = await openStore();
  const { gateway } = openGateway(store);
  const get = async (path: string, headers: Record<string, string> = {}) =>
    textOf(await gateway.handleHttp(httpRequest("GET", path, { headers })));
  await registerDag(store, "etl", { tasks: ["a", "b<a"] });

  const waiting = gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger?wait=true"));
  await expect.poll(() => store.queries.latestRunId("etl")).not.toBeNull();
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const entries = [{ at: 0, source: "stdout" as const, text: "hello" }];
  await store.logs.append([{ runKey, ordinal: 0, generation: 1, tryNumber: 1, sequence: 1, entries, droppedBytes: 0 }]);
  await runTask(store, runKey, 0, { kind: "success", outputs: [{ key: "rows", json: "7" }] });
  await runTask(store, runKey, 1, success);
  expect(JSON.parse(await textOf(await waiting))).toMatchObject({ dag_run_id: runId, state: "success" });

  expect(JSON.parse(await get("/api/v1/dags/etl"))).toMatchObject({
    last_run: { dag_run_id: runId, state: "success" },
  });
  expect(JSON.parse(await get("/api/v1/dagRuns?state=success&sort=-end_date"))).toMatchObject({ total_count: 1 });
  const instance = JSON.parse(await get(`/api/v1/taskInstances/${runId}__a`)) as unknown;
  expect(instance).toMatchObject({ task_id: "a", xcom_values: { rows: 7 }, max_tries: 1 });
  expect(await get(`/api/v1/taskInstances/${runId}__a/logs?follow=true`)).toBe("hello\n");
  const readTypes = async (): Promise<readonly string[]> => {
    const { events } = JSON.parse(await get(`/api/v1/dagRuns/${runId}/events?limit=100`)) as { events: Event[] };
    return events.map((event) => event.event_type);
  };
  await expect.poll(readTypes).toContain("dag_run.ended");
  expect((await readTypes()).at(0)).toBe("dag_run.created");
  expect(await get(`/dags/etl/runs/${runId}`)).toContain("success");
});
