import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import type { Store } from "#ports/store.ts";
import { planOf } from "#definition/plan-of.ts";
import type { Definition } from "#definition/model.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { createScheduler } from "./scheduler.ts";
import { registerDefinition, silentLogger } from "./scheduler-harness.testsuite.ts";
import { createSensorTestHost, createTestFolder, fileSensor, sensorRuns } from "./sensor-harness.testsuite.ts";

const patience = { timeout: 30_000, interval: 50 };

async function openWorld(): Promise<{ store: Store; openAnother: () => Promise<Store>; folder: string }> {
  const harness = await openPostgresHarness((definition) => planOf(definition as Definition));
  onTestFinished(() => harness.close());
  return { ...harness, folder: createTestFolder() };
}

async function startScheduler(store: Store, folder: string, maxParallelEvaluations = 10) {
  const service = createScheduler({
    store,
    schedulerId: `s${Math.random()}`,
    leaseMs: 2000,
    pollingIntervalMs: 200,
    maxParallelEvaluations,
    sensorHost: createSensorTestHost(folder),
    logger: silentLogger,
  });
  await service.start();
  onTestFinished(() => service.stop());
  return service;
}

function register(store: Store, dagId: string, sensors: readonly SensorDefinition[]): Promise<void> {
  return registerDefinition(store, emptyDefinition(dagId, { sensors }));
}

const baselineOf = (store: Store, dagId: string) =>
  vi.waitFor(async () => expect((await store.sensors.get(dagId, "inbox"))?.hasBaseline).toBe(true), patience);

test("of two schedulers the leader polls; after its end the other one goes on, and each file makes one run", async () => {
  const { store, openAnother, folder } = await openWorld();
  const [first] = [await startScheduler(store, folder), await startScheduler(await openAnother(), folder)];
  await register(store, "etl", [fileSensor(folder)]);
  await baselineOf(store, "etl");
  writeFileSync(join(folder, "a.csv"), "x");
  await vi.waitFor(async () => expect(await sensorRuns(store, "etl")).toHaveLength(1), patience);
  await first.stop();
  writeFileSync(join(folder, "b.csv"), "x");
  await vi.waitFor(async () => expect(await sensorRuns(store, "etl")).toHaveLength(2), patience);
  expect((await sensorRuns(store, "etl")).map((sensor) => sensor["name"])).toEqual(["a.csv", "b.csv"]);
}, 90_000);

test("a sensor that fails, and one that answers late, hold no other up", async () => {
  const { store, folder } = await openWorld();
  const slow = { connection: { name: "none" }, mode: "row_count", query: "SELECT 1", orderColumn: null };
  await register(store, "broken", [
    fileSensor("/nowhere/at/all", { id: "a" }),
    fileSensor(folder, { ...slow, id: "b", type: "sql" }),
  ]);
  await register(store, "etl", [fileSensor(folder)]);
  const service = await startScheduler(store, folder);
  await baselineOf(store, "etl");
  writeFileSync(join(folder, "a.csv"), "x");
  await vi.waitFor(async () => expect(await sensorRuns(store, "etl")).toHaveLength(1), patience);
  expect(service.health()["sensors"]).toEqual({ status: "healthy", detail: "" });
  const { items } = await store.sensors.list(
    { limit: 9, cursor: null, sort: null },
    { dagId: null, type: null, hasError: true },
  );
  expect(items.map(({ sensorId, error }) => [sensorId, error])).toEqual([
    ["a", "there is no folder /nowhere/at/all where the scheduler runs"],
    ["b", expect.stringContaining("there is no connection none")],
  ]);
}, 90_000);

test("a sensor that is asked for looks at once", async () => {
  const { store, folder } = await openWorld();
  await register(store, "etl", [fileSensor(folder, { pollIntervalMs: 3_600_000 })]);
  await startScheduler(store, folder);
  await baselineOf(store, "etl");
  const before = (await store.sensors.get("etl", "inbox"))?.lastPolledAt ?? 0;
  await store.sensors.requestPoll("etl", "inbox");
  await vi.waitFor(
    async () => expect((await store.sensors.get("etl", "inbox"))?.lastPolledAt).toBeGreaterThan(before),
    patience,
  );
}, 90_000);

test("no more sensors of one type look at once than the settings allow; those of other types go on", async () => {
  const { store, folder } = await openWorld();
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response)).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const asking = (id: string): SensorDefinition => ({
    ...{ type: "http", id, pollIntervalMs: 20, timeoutMs: 60_000, batchSize: 1, source: id, url, method: "GET" },
    ...{ headers: {}, body: null, expectedStatus: [200], contentPattern: null, firesOn: "change" },
    ...{ responseFields: null, requestTimeoutMs: 60_000, retryAttempts: 0 },
  });
  await register(store, "etl", [asking("one"), asking("two"), fileSensor(folder)]);
  await startScheduler(store, folder, 1);
  await vi.waitFor(() => expect(held).toHaveLength(1), patience);
  const polledAt = async () => (await store.sensors.get("etl", "inbox"))?.lastPolledAt ?? 0;
  for (let round = 0; round < 3; round += 1) {
    const before = await polledAt();
    await vi.waitFor(async () => expect(await polledAt()).toBeGreaterThan(before), patience);
  }
  expect(held).toHaveLength(1);
  held[0]?.end("a");
  await vi.waitFor(() => expect(held).toHaveLength(2), patience);
}, 90_000);
