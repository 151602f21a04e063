import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { Definition } from "#definition/model.ts";
import {
  BackfillOrder,
  type BackfillPreview,
  BackfillSelection,
  type CreateBackfillRequestSchema,
  SlotAction,
} from "#gen/millrace/v1/backfill_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import { createInProcessTransport } from "#rpc/transport.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { failure, newRun, runTask, success } from "#testing/store-driver.ts";
import { createScheduler } from "./scheduler.ts";
import { registerDefinition, silentLogger } from "./scheduler-harness.testsuite.ts";

type Request = MessageInitShape<typeof CreateBackfillRequestSchema>;

const now = Date.parse("2026-06-15T12:00:00Z");
const january: Request = { dagId: "etl", from: "2026-01-01", to: "2026-01-31" };

/** A scheduler that does not lead, over a store with the DAG `etl`, at noon of 15 June 2026. */
async function open(changes: Partial<Definition> = {}) {
  const store = createMemoryStore({ toPlan: () => buildPlan([{ id: "a" }]), clock: () => now });
  const schedule = { text: "0 2 * * *", timezone: "Europe/Berlin" };
  await registerDefinition(store, emptyDefinition("etl", { schedule, timezone: "Europe/Berlin", ...changes }));
  const service = createScheduler({
    store,
    schedulerId: "s",
    leaseMs: 60_000,
    pollingIntervalMs: 60_000,
    logger: silentLogger,
  });
  onTestFinished(() => service.stop());
  const client = createClient(SchedulerService, createInProcessTransport(service.routes, { logger: silentLogger }));
  const start = (request: Request) => client.startBackfill({ backfill: request, caller: "me" });
  const preview = async (request: Request): Promise<BackfillPreview> => {
    const answer = await start({ ...request, dryRun: true });
    if (answer.preview === undefined) throw new Error("no preview");
    return answer.preview;
  };
  const createRun = async (date: string): Promise<number> => {
    const active = await store.definitions.getActive("etl");
    const keys = { dagKey: active?.dagKey ?? 0, versionKey: active?.versionKey ?? 0 };
    const made = await store.runs.createRun(newRun(keys, { logicalAt: Date.parse(date) }));
    if (made.kind !== "created") throw new Error(made.kind);
    return made.runKey;
  };
  return { store, client, start, preview, createRun };
}

function datesOf({ slots }: BackfillPreview): readonly string[] {
  return slots.map(({ executionDate }) =>
    executionDate === undefined ? "" : timestampDate(executionDate).toISOString().slice(0, 16),
  );
}

describe("a backfill", () => {
  test("of January has 31 slots of a daily schedule, both days included, by the definition's zone", async () => {
    const { store, start } = await open();
    const { backfillId } = await start(january);
    expect(backfillId).toMatch(/^etl__backfill__[0-9a-f]{8}$/);
    expect(await store.backfills.get(backfillId)).toMatchObject({
      slotCount: 31,
      fromAt: Date.parse("2025-12-31T23:00:00Z"),
      toAt: Date.parse("2026-01-31T22:59:59.999Z"),
      state: "planning",
      selection: "missing",
      newestFirst: false,
      maxActiveRuns: 4,
      priorityOffset: -10,
      createdBy: "me",
    });
  });

  test.each([
    ["times with both ends included", { from: "2026-01-01T01:00:00Z", to: "2026-01-03T01:00:00Z" }, 3],
    ["local times", { from: "2026-01-01 02:01", to: "2026-01-03 01:59" }, 1],
    ["a day on which the clocks skip its time", { from: "2026-03-29", to: "2026-03-29" }, 1],
    ["days that have not come yet left out", { from: "2026-06-14", to: "2026-06-20" }, 2],
    ["times before the first registration", { from: "1999-12-31", to: "2000-01-01" }, 2],
  ])("of %s", async (_, range, count) => {
    const { preview } = await open();
    expect((await preview({ ...january, ...range })).totalCount).toBe(BigInt(count));
  });

  test("keeps what was asked for", async () => {
    const { store, start } = await open();
    const { backfillId } = await start({
      ...january,
      selection: BackfillSelection.ALL,
      order: BackfillOrder.NEWEST,
      maxActiveRuns: 7,
      priorityOffset: 0,
      parameters: { full: true },
      note: "why",
    });
    expect(await store.backfills.get(backfillId)).toMatchObject({
      selection: "all",
      newestFirst: true,
      maxActiveRuns: 7,
      priorityOffset: 0,
      parameters: { full: true },
      note: "why",
    });
  });

  test("asked for twice with one id is one, and another with that id is a conflict", async () => {
    const { start } = await open();
    const first = await start({ ...january, requestId: "r" });
    expect(await start({ ...january, requestId: "r" })).toMatchObject({
      backfillId: first.backfillId,
      repeatedRequest: true,
    });
    await expect(start({ ...january, to: "2026-01-30", requestId: "r" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
    expect((await start(january)).backfillId).not.toBe(first.backfillId);
  });
});

describe("a dry run", () => {
  test("says for each slot what would happen, in pages, with the sums of all, and makes nothing", async () => {
    const { store, preview, createRun } = await open();
    const range = { ...january, to: "2026-01-05", limit: 2 };
    await runTask(store, await createRun("2026-01-02T01:00:00Z"), 0, success);
    await runTask(store, await createRun("2026-01-03T01:00:00Z"), 0, failure());
    await createRun("2026-01-04T01:00:00Z");
    const all = { ...range, selection: BackfillSelection.ALL };
    const first = await preview(all);
    expect(first.slots.map(({ action }) => action)).toEqual([SlotAction.CREATE, SlotAction.RERUN]);
    expect(first).toMatchObject({ totalCount: 5n, pageSize: 2, createCount: 2, rerunCount: 2, leaveCount: 1 });
    const second = await preview({ ...all, cursor: first.nextCursor });
    expect(second.slots.map(({ action }) => action)).toEqual([SlotAction.RERUN, SlotAction.LEAVE]);
    const last = await preview({ ...all, cursor: second.nextCursor });
    expect([datesOf(first), datesOf(second), datesOf(last)]).toEqual([
      ["2026-01-01T01:00", "2026-01-02T01:00"],
      ["2026-01-03T01:00", "2026-01-04T01:00"],
      ["2026-01-05T01:00"],
    ]);
    expect(last.nextCursor).toBe("");
    const newest = await preview({ ...all, order: BackfillOrder.NEWEST });
    expect(datesOf(await preview({ ...all, order: BackfillOrder.NEWEST, cursor: newest.nextCursor }))).toEqual([
      "2026-01-03T01:00",
      "2026-01-02T01:00",
    ]);
    expect(await preview({ ...range, selection: BackfillSelection.FAILED })).toMatchObject({
      createCount: 0,
      rerunCount: 1,
      leaveCount: 4,
    });
    expect(await preview(range)).toMatchObject({ createCount: 2, rerunCount: 0, leaveCount: 3 });
    const page = { limit: 10, cursor: null, sort: null };
    expect((await store.backfills.list(page, { dagId: null, states: [] })).totalCount).toBe(0);
  });
});

describe("a backfill is refused", () => {
  test.each<[what: string, request: Request, code: string, message: RegExp]>([
    ["of an unknown DAG", { dagId: "elt" }, "DAG_NOT_FOUND", /did you mean etl/],
    ["of no DAG", { dagId: "" }, "INVALID_ARGUMENT", /dag_id/],
    ["without an end", { to: "" }, "INVALID_ARGUMENT", /^to is missing/],
    ["from what is no time", { from: "yesterday" }, "INVALID_ARGUMENT", /^from must be a time such as/],
    ["that ends before it begins", { from: "2026-02-01" }, "INVALID_ARGUMENT", /before from/],
    ["without slots", { from: "2026-01-01 03:00", to: "2026-01-01 04:00" }, "INVALID_ARGUMENT", /leaves no slot/],
    ["of what is to come", { from: "2026-07-01", to: "2026-07-02" }, "INVALID_ARGUMENT", /that has come already/],
    ["with too many at once", { maxActiveRuns: 1001 }, "INVALID_ARGUMENT", /1 to 1000/],
    ["above live runs", { priorityOffset: 1 }, "INVALID_ARGUMENT", /-200 to 0/],
    ["with a long note", { note: "x".repeat(1001) }, "INVALID_ARGUMENT", /note/],
    ["with parameters that do not fit", { parameters: { day: 5 } }, "INVALID_PARAMETERS", /`day`/],
  ])("%s, and so is its dry run", async (_, changes, code, message) => {
    const { start } = await open({ parameters: { day: { type: "string", required: false } } });
    for (const dryRun of [false, true]) {
      await expect(start({ ...january, ...changes, dryRun })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
  });

  test.each([
    ["has none", null],
    ["runs continuously", { text: "@continuous", timezone: "UTC" }],
  ])("where the definition %s", async (_, schedule) => {
    const { start } = await open({ schedule });
    await expect(start(january)).rejects.toMatchObject({ code: "DAG_NOT_SCHEDULED" });
  });

  test("with more than 100,000 slots", async () => {
    const { start } = await open({ schedule: { text: "* * * * *", timezone: "UTC" } });
    await expect(start({ ...january, to: "2026-03-12" })).rejects.toMatchObject({
      message: expect.stringMatching(/100000/),
    });
  });

  test("of an archived DAG", async () => {
    const { store, start } = await open();
    await store.definitions.archiveFile("etl.yaml");
    await expect(start(january)).rejects.toMatchObject({ code: "DAG_ARCHIVED" });
  });
});

describe("a change", () => {
  test("pauses, resumes and cancels; of what has ended or never was it is refused", async () => {
    const { store, client, start } = await open();
    const { backfillId } = await start(january);
    await client.changeBackfill({ backfillId, change: { case: "pause", value: true } });
    expect(await store.backfills.get(backfillId)).toMatchObject({ isPaused: true });
    await client.changeBackfill({ backfillId, change: { case: "pause", value: false } });
    await client.changeBackfill({ backfillId, change: { case: "cancel", value: { cancelRuns: true } } });
    const found = await store.backfills.get(backfillId);
    expect(found).toMatchObject({ isPaused: false, state: "cancelling", cancelRuns: true });
    const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
    await store.backfills.finish(found?.backfillKey ?? 0, "cancelled", lease?.epoch ?? 0);
    const pause = { case: "pause", value: true } as const;
    await expect(client.changeBackfill({ backfillId, change: pause })).rejects.toMatchObject({
      code: "BACKFILL_ENDED",
    });
    const nobody = client.changeBackfill({ backfillId: "nobody", change: pause });
    await expect(nobody).rejects.toMatchObject({ code: "BACKFILL_NOT_FOUND" });
  });
});
