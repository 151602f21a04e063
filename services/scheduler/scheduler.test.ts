import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { Definition } from "#definition/model.ts";
import { RunType, TriggerDagRunRequestSchema } from "#gen/millrace/v1/run_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { createScheduler } from "./scheduler.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const plain = emptyDefinition("etl", {
  parameters: { name: { type: "string", required: false, default: "world" } },
});

/** The store's clock; null: the real one. */
let frozenAt: number | null;
let offsetMs: number;
let store: Store;

beforeEach(async () => {
  frozenAt = Date.parse("2026-01-15T10:00:00.500Z");
  offsetMs = 0;
  store = createMemoryStore({
    toPlan: () => buildPlan([{ id: "a" }]),
    clock: () => (frozenAt ?? Date.now()) + offsetMs,
  });
  await register(plain);
});

async function register(definition: Definition, nextAt: number | null = null): Promise<void> {
  await store.definitions.register({
    dagId: definition.id,
    filePath: `${definition.id}.yaml`,
    source: "file",
    text: "",
    hash: JSON.stringify(definition),
    definition,
    description: "",
    owner: "",
    tags: [],
    schedule:
      definition.schedule === null
        ? null
        : { ...definition.schedule, rule: definition.schedule.text, firstAt: nextAt, nextAt },
  });
}

function scheduler(schedulerId = "s1", { leaseMs = 8000, of = store } = {}) {
  return createScheduler({ store: of, schedulerId, leaseMs, pollingIntervalMs: 50, logger });
}

function client(service = scheduler()) {
  return createClient(SchedulerService, createInProcessTransport(service.routes, { logger }));
}

type Fields = Parameters<typeof create<typeof TriggerDagRunRequestSchema>>[1];

function request(fields: Fields = {}, caller = "ada") {
  return { trigger: create(TriggerDagRunRequestSchema, { dagId: "etl", ...fields }), caller, runType: RunType.MANUAL };
}

describe("CreateRun", () => {
  test("makes a run of the request's time, with ids, parameters and who asked", async () => {
    const { dagRunId, repeatedRequest, warnings } = await client().createRun({
      ...request({ parameters: { extra: 1 }, note: "why" }),
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });

    expect(dagRunId).toMatch(/^etl__2026-01-15T10:00:00Z__[0-9a-f]{8}$/);
    expect(repeatedRequest).toBe(false);
    expect(warnings).toEqual([expect.stringContaining("extra")]);
    expect(await store.queries.getRun(dagRunId)).toMatchObject({
      logicalAt: frozenAt,
      intervalStartAt: frozenAt,
      intervalEndAt: frozenAt,
      runType: "manual",
      triggeredBy: "ada",
      externalTriggerId: expect.stringMatching(/^manual_[0-9a-f]{8}$/),
      parameters: { name: "world", extra: 1 },
      note: "why",
      traceparent: expect.stringContaining("0af76519"),
    });
  });

  test("makes nothing for a caller who has gone meanwhile", async () => {
    const leaving = new AbortController();
    const getActive: Store["definitions"]["getActive"] = (dagId) => {
      leaving.abort();
      return store.definitions.getActive(dagId);
    };
    const slow = { ...store, definitions: { ...store.definitions, getActive } };

    const left = client(scheduler("s1", { of: slow })).createRun(request(), { signal: leaving.signal });

    await expect(left).rejects.toMatchObject({ code: "PEER_UNAVAILABLE" });
    const { dagRunId } = await client().createRun(request());
    const { items } = await store.queries.listRuns(
      { limit: 10, cursor: null, sort: null },
      { dagId: null, states: [] },
    );
    expect(items.map(({ runId }) => runId)).toEqual([dagRunId]);
  });

  test("requests of one millisecond, also at different schedulers, get dates of their own", async () => {
    const clients = [client(scheduler("s1")), client(scheduler("s2"))];

    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => clients[index % 2]?.createRun(request())),
    );

    const runs = await Promise.all(answers.map((answer) => store.queries.getRun(answer?.dagRunId ?? "")));
    expect(new Set(runs.map((run) => run?.logicalAt)).size).toBe(60);
  });

  test("a date that has a run is refused with that run, or replaced if asked", async () => {
    const executionDate = timestampFromDate(new Date("2026-01-01T00:00:00Z"));
    const api = client();
    const first = await api.createRun(request({ executionDate, externalTriggerId: "mine" }));

    await expect(api.createRun(request({ executionDate }))).rejects.toMatchObject({
      code: "RUN_EXISTS",
      details: { dag_id: "etl", dag_run_id: first.dagRunId },
    });
    const second = await api.createRun(request({ executionDate, replaceExisting: true }));

    expect(second.dagRunId).not.toBe(first.dagRunId);
    expect(await store.queries.getRun(first.dagRunId)).toMatchObject({ isArchived: true, externalTriggerId: "mine" });
    expect(await store.queries.getRun(second.dagRunId)).toMatchObject({ isArchived: false });
  });

  test("without a date of its own a request replaces nothing", async () => {
    const first = await client(scheduler("s1")).createRun(request({ replaceExisting: true }));
    await client(scheduler("s2")).createRun(request({ replaceExisting: true }));

    expect(await store.queries.getRun(first.dagRunId)).toMatchObject({ isArchived: false });
  });

  test("a repeated request is answered with its run; the same id with another body is a conflict", async () => {
    const api = client();
    const first = await api.createRun(request({ requestId: "k1", parameters: { a: 1, b: 2 } }));

    offsetMs = 5000;
    const again = await client(scheduler("s2")).createRun(
      request({ requestId: "k1", parameters: { b: 2, a: 1 }, wait: true }),
    );
    expect(again).toMatchObject({ dagRunId: first.dagRunId, repeatedRequest: true });

    await expect(api.createRun(request({ requestId: "k1", parameters: { a: 2 } }))).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
    const other = await api.createRun(request({ requestId: "k1" }, "grace"));
    expect(other.dagRunId).not.toBe(first.dagRunId);
  });

  test("refuses what can't be run, by name", async () => {
    const api = client();
    await register({ ...plain, id: "closed", allowManualTrigger: false });
    await register({ ...plain, id: "gone" });
    await store.definitions.archiveFile("gone.yaml");

    await expect(api.createRun(request({ dagId: "elt" }))).rejects.toMatchObject({
      code: "DAG_NOT_FOUND",
      message: "there is no DAG elt; did you mean etl?",
    });
    await expect(api.createRun(request({ dagId: "gone" }))).rejects.toMatchObject({ code: "DAG_ARCHIVED" });
    await expect(api.createRun(request({ dagId: "closed" }))).rejects.toMatchObject({
      code: "MANUAL_TRIGGER_FORBIDDEN",
    });
    await expect(api.createRun(request({ parameters: { name: 3 } }))).rejects.toMatchObject({
      code: "INVALID_PARAMETERS",
    });
    await expect(api.createRun(request({ dagId: "" }))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(api.createRun(request({ requestId: "x".repeat(201) }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(api.createRun({ ...request(), runType: RunType.SCHEDULED })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(
      (await store.queries.listRuns({ limit: 10, cursor: null, sort: null }, { dagId: null, states: [] })).items,
    ).toEqual([]);
  });

  test("what is closed for people is open for other triggers, and a paused DAG takes requests", async () => {
    await register({ ...plain, id: "closed", allowManualTrigger: false });
    await store.definitions.setPaused("etl", true);

    const { dagRunId } = await client().createRun({ ...request({ dagId: "closed" }), runType: RunType.TRIGGER_DAG });

    expect(await store.queries.getRun(dagRunId)).toMatchObject({ runType: "trigger_dag" });
    await expect(client().createRun(request())).resolves.toMatchObject({ repeatedRequest: false });
  });
});

describe("leading", () => {
  const minutely: Definition = { ...plain, id: "minutely", schedule: { text: "* * * * *", timezone: "UTC" } };

  beforeEach(() => {
    frozenAt = null;
  });

  function start(service: ReturnType<typeof scheduler>): Promise<void> {
    onTestFinished(() => service.stop());
    return service.start();
  }

  async function runCount(): Promise<number> {
    const { totalCount } = await store.queries.listRuns(
      { limit: 1, cursor: null, sort: null },
      { dagId: "minutely", states: [] },
    );
    return totalCount;
  }

  test("makes each due slot once with two schedulers, and goes on when the leader stops", async () => {
    const first = scheduler("s1", { leaseMs: 400 });
    const second = scheduler("s2", { leaseMs: 400 });
    await Promise.all([start(first), start(second)]);
    await register(minutely, Math.floor(store.now() / 60_000) * 60_000);

    await vi.waitFor(async () => expect(await runCount()).toBe(1));
    await first.stop();
    offsetMs += 60_000;

    await vi.waitFor(async () => expect(await runCount()).toBe(2), { timeout: 5000 });
    await second.stop();
    offsetMs += 60_000;
    expect(await store.leases.acquire({ name: "scheduler", holder: "test", ttlMs: 1000 })).not.toBeNull();
    expect(await runCount()).toBe(2);
  });

  test("a schedule that becomes due is run within moments, though the polling is slow", async () => {
    const service = createScheduler({ store, schedulerId: "s1", leaseMs: 8000, pollingIntervalMs: 3_600_000, logger });
    await start(service);
    await vi.waitFor(() => expect(service.health()["scheduler"]).toEqual({ status: "healthy", detail: "" }));

    await register(minutely, store.now() + 150);

    await vi.waitFor(async () => expect(await runCount()).toBe(1));
  });

  test("a database that does not answer degrades health and ends nothing", async () => {
    let isDown = true;
    const leases: Store["leases"] = {
      ...store.leases,
      acquire: async (options) =>
        isDown ? Promise.reject(new Error("connection refused")) : store.leases.acquire(options),
    };
    const service = createScheduler({
      store: { ...store, leases },
      schedulerId: "s1",
      leaseMs: 200,
      pollingIntervalMs: 50,
      logger,
    });
    await start(service);
    await register(minutely, store.now());

    await vi.waitFor(() => expect(service.health()["scheduler"]?.status).toBe("degraded"));
    expect(await runCount()).toBe(0);
    isDown = false;

    await vi.waitFor(async () => expect(await runCount()).toBe(1));
    expect(service.health()["scheduler"]?.status).toBe("healthy");
  });

  test("before the start it says so, and stopping twice or early is harmless", async () => {
    const service = scheduler();
    expect(service.health()["scheduler"]).toEqual({ status: "unhealthy", detail: "not started" });

    await service.stop();
    await start(service);
    await service.stop();
    await service.stop();
  });
});
