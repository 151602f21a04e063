import { beforeEach, expect, test } from "vitest";
import type { Definition, ParameterDefinition } from "#definition/model.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import { nextFireTimes } from "#schedule/cron.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { evaluateSchedules, type LastingFailure } from "./evaluate-schedules.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const nightly = { text: "0 2 * * *", timezone: "UTC" };

let now: number;
let store: Store;
let epoch: number;
let failures: Map<string, LastingFailure>;

beforeEach(async () => {
  now = Date.parse("2026-01-14T12:00:00Z");
  store = createMemoryStore({ toPlan: () => buildPlan([{ id: "a" }]), clock: () => now });
  epoch = (await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 365 * 86_400_000 }))?.epoch ?? 0;
  failures = new Map();
});

function definition(
  id: string,
  options: { schedule?: Definition["schedule"]; parameters?: Definition["parameters"] } = {},
): Definition {
  return {
    format: 1,
    id,
    description: "",
    owner: "",
    tags: [],
    timezone: "UTC",
    schedule: options.schedule === undefined ? nightly : options.schedule,
    parameters: options.parameters ?? {},
    additionalParameters: true,
    allowManualTrigger: true,
    maxActiveRuns: 16,
    runTimeoutMs: null,
    priority: 0,
    executor: null,
    tasks: [],
  };
}

async function register(next: Definition): Promise<void> {
  const { schedule } = next;
  await store.definitions.register({
    dagId: next.id,
    filePath: `${next.id}.yaml`,
    source: "file",
    text: "",
    hash: JSON.stringify(next),
    definition: next,
    description: "",
    owner: "",
    tags: [],
    schedule: schedule === null ? null : { ...schedule, nextAt: nextFireTimes(schedule, now, 1)[0] ?? null },
  });
}

function evaluate(signal: AbortSignal = new AbortController().signal) {
  return evaluateSchedules({ store, epoch, failures, signal, logger });
}

/** The dates of a DAG's scheduled runs, oldest first. */
async function dates(dagId: string): Promise<string[]> {
  const page = { limit: 100, cursor: null, sort: null };
  const { items } = await store.queries.listRuns(page, { dagId, states: [] });
  return items
    .filter((run) => run.runType === "scheduled")
    .map((run) => new Date(run.logicalAt).toISOString().replace(":00.000Z", "Z"))
    .sort();
}

test("nothing is due: it answers when to look again", async () => {
  await register(definition("a"));

  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 14 * 3_600_000 });
  expect(await dates("a")).toEqual([]);
});

test("a due slot becomes one run with its date and interval, and the schedule goes on", async () => {
  await register(definition("a"));
  now = Date.parse("2026-01-15T02:00:00.020Z");

  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 86_400_000 - 20 });
  await evaluate();

  const [run] = (await store.queries.listRuns({ limit: 10, cursor: null, sort: null }, { dagId: "a", states: [] }))
    .items;
  expect(await dates("a")).toEqual(["2026-01-15T02:00Z"]);
  expect(run).toMatchObject({
    runId: expect.stringMatching(/^a__2026-01-15T02:00:00Z__[0-9a-f]{8}$/),
    runType: "scheduled",
    triggeredBy: "scheduler",
    externalTriggerId: "",
    intervalStartAt: Date.parse("2026-01-14T02:00:00Z"),
    intervalEndAt: Date.parse("2026-01-15T02:00:00Z"),
  });
});

test("slots missed for days collapse into the latest", async () => {
  await register(definition("a"));
  now = Date.parse("2026-01-20T09:30:00Z");

  await evaluate();
  await evaluate();

  expect(await dates("a")).toEqual(["2026-01-20T02:00Z"]);
});

test("a paused DAG makes none; resumed, it makes up for the latest", async () => {
  await register(definition("a"));
  await store.definitions.setPaused("a", true);
  now = Date.parse("2026-01-16T03:00:00Z");
  await evaluate();
  expect(await dates("a")).toEqual([]);

  await store.definitions.setPaused("a", false);
  await evaluate();
  expect(await dates("a")).toEqual(["2026-01-16T02:00Z"]);
});

test("a date that has a run makes no second one, and the schedule goes on", async () => {
  await register(definition("a"));
  const active = await store.definitions.getActive("a");
  const logicalAt = Date.parse("2026-01-15T02:00:00Z");
  await store.runs.createRun({
    runId: "mine",
    dagKey: active?.dagKey ?? 0,
    versionKey: active?.versionKey ?? 0,
    logicalAt,
    intervalStartAt: logicalAt,
    intervalEndAt: logicalAt,
    runType: "manual",
    triggeredBy: "me",
    externalTriggerId: "x",
    note: "",
    parameters: {},
    warnings: [],
    traceparent: null,
    replaceExisting: false,
    request: null,
    leaderEpoch: null,
  });
  now = logicalAt + 5;

  expect(await evaluate()).toMatchObject({ kind: "done", nextInMs: 86_400_000 - 5 });
  expect(await dates("a")).toEqual([]);
});

test("with an epoch that no longer leads nothing is written", async () => {
  await register(definition("a"));
  now = Date.parse("2026-01-15T02:00:00Z");
  await store.leases.release({ name: "scheduler", holder: "me" });
  const next = await store.leases.acquire({ name: "scheduler", holder: "other", ttlMs: 60_000 });

  expect(await evaluate()).toEqual({ kind: "deposed" });
  expect(await dates("a")).toEqual([]);

  epoch = next?.epoch ?? 0;
  await evaluate();
  expect(await dates("a")).toEqual(["2026-01-15T02:00Z"]);
});

test("a definition whose run can't be made costs its slot, is named, and hurts no other", async () => {
  const required: ParameterDefinition = { type: "string", required: true };
  await register(definition("broken", { parameters: { day: required } }));
  await register(definition("fine"));
  now = Date.parse("2026-01-15T02:00:00Z");

  const result = await evaluate();

  expect(result).toMatchObject({ kind: "done", nextInMs: 86_400_000 });
  expect(failures.get("broken")?.cause).toContain("day");
  expect(await dates("fine")).toEqual(["2026-01-15T02:00Z"]);
  expect(await dates("broken")).toEqual([]);

  await register(definition("broken"));
  await evaluate();
  expect(failures.size).toBe(0);
  now = Date.parse("2026-01-16T02:00:00Z");
  await evaluate();
  expect(await dates("broken")).toEqual(["2026-01-16T02:00Z"]);
});

test("when the store fails, the slot stays due and the others are still tried", async () => {
  await register(definition("a"));
  await register(definition("b"));
  now = Date.parse("2026-01-15T02:00:00Z");
  const failing = {
    ...store,
    runs: {
      ...store.runs,
      createRun: async (run: NewRun) => {
        if (run.runId.startsWith("a__")) throw new Error("connection lost");
        return store.runs.createRun(run);
      },
    },
  };
  const { signal } = new AbortController();

  expect(await evaluateSchedules({ store: failing, epoch, failures, signal, logger })).toEqual({
    kind: "done",
    nextInMs: null,
  });
  expect(await dates("a")).toEqual([]);
  expect(await dates("b")).toEqual(["2026-01-15T02:00Z"]);

  await evaluate();
  expect(await dates("a")).toEqual(["2026-01-15T02:00Z"]);
});

test("many due schedules are worked off in batches, each made once; a stop ends between two of them", async () => {
  const ids = Array.from({ length: 230 }, (_, index) => `d${index}`);
  for (const id of ids) await register(definition(id));
  now = Date.parse("2026-01-15T02:00:00Z");

  await evaluate(AbortSignal.abort());
  expect(await dates("d0")).toEqual([]);
  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 0 });
  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 0 });
  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 86_400_000 });
  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 86_400_000 });

  for (const id of ids) expect(await dates(id)).toEqual(["2026-01-15T02:00Z"]);
});

test("a schedule that was taken out of the definition fires no more", async () => {
  await register(definition("a"));
  await register(definition("a", { schedule: null }));
  now = Date.parse("2026-01-15T02:00:00Z");

  expect(await evaluate()).toEqual({ kind: "done", nextInMs: null });
  expect(await dates("a")).toEqual([]);
});
