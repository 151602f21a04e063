import { beforeEach, describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { ScheduleDefinition } from "#definition/schema/schedule-definition.ts";
import type { Definition, ParameterDefinition } from "#definition/model.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { failure, runTask, success } from "#testing/store-driver.ts";
import {
  createEvaluator,
  type Evaluator,
  registerDefinition,
  scheduledDates,
  silentLogger,
} from "./scheduler-harness.testsuite.ts";
import { createScheduleLag } from "./schedule-lag.ts";
import { slotDelay } from "./slot-delay.ts";

const nightly: ScheduleDefinition = { text: "0 2 * * *", timezone: "UTC" };
const hourly: ScheduleDefinition = { text: "0 * * * *", timezone: "UTC" };
const minute = 60_000;

/** From the beginning of one day of January to the noon of another. */
function nightlyWithin(firstDay: number, lastDay: number): ScheduleDefinition {
  const entry = {
    rule: { kind: "cron", cron: "0 2 * * *" } as const,
    timezone: "UTC",
    startAt: Date.UTC(2026, 0, firstDay),
    endAt: Date.UTC(2026, 0, lastDay, 12),
    dst: { gap: "shift", overlap: "first" } as const,
  };
  return { ...nightly, entries: [entry] };
}

let now: number;
let store: Store;
let leader: Evaluator;

beforeEach(async () => {
  now = Date.parse("2026-01-14T12:00:01Z");
  store = createMemoryStore({ toPlan: () => buildPlan([{ id: "a" }]), clock: () => now });
  const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 3650 * 86_400_000 });
  leader = createEvaluator(store, lease?.epoch ?? 0);
});

function definition(id: string, changes: Partial<Definition> = {}): Definition {
  return emptyDefinition(id, { schedule: nightly, ...changes });
}

async function register(next: Definition): Promise<void> {
  await registerDefinition(store, next, now);
}

const evaluate: Evaluator["evaluate"] = (changes) => leader.evaluate(changes);

/** To the minute. */
async function dates(dagId: string): Promise<string[]> {
  return (await scheduledDates(store, dagId)).map((date) => date.replace(":00Z", "Z"));
}

/** Evaluates until nothing more is due. */
async function evaluateAll(): Promise<void> {
  for (let round = 0; round < 1000; round += 1) {
    const result = await evaluate();
    if (result.kind === "deposed" || result.nextInMs !== 0) return;
  }
  throw new Error("there is always more that is due");
}

async function activeRuns(dagId: string): Promise<readonly number[]> {
  const active = await store.definitions.getActive(dagId);
  return store.definitions.listActiveRuns(active?.dagKey ?? 0, 100);
}

test("nothing is due: it answers when to look again", async () => {
  await register(definition("a"));

  expect(await evaluate()).toEqual({ kind: "done", nextInMs: 14 * 3_600_000 - 1000 });
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

test("what a resumed DAG or an early start date makes up for does not come late; what nobody looked at does", async () => {
  const lag = createScheduleLag(silentLogger);
  await register(definition("a"));
  await store.definitions.setPaused("a", true);
  await evaluate({ lag });
  now = Date.parse("2026-01-16T03:00:00Z");
  await store.definitions.setPaused("a", false);
  await register(definition("b", { schedule: nightlyWithin(1, 31) }));
  now += 400;
  await evaluate({ lag });
  expect([lag.lagMs, lag.problem]).toEqual([400, null]);
  expect(await dates("a")).toEqual(["2026-01-16T02:00Z"]);
  expect(await dates("b")).toEqual(["2026-01-16T02:00Z"]);

  now = Date.parse("2026-01-17T02:01:00Z");
  await evaluate({ lag });
  expect(lag.problem).toBe("schedules come 1m late");
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
    concurrencyKey: null,
    whenFull: "wait",
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

  await evaluate({ epoch: next?.epoch ?? 0 });
  expect(await dates("a")).toEqual(["2026-01-15T02:00Z"]);
});

test("a definition whose run can't be made costs its slot, is named, and hurts no other", async () => {
  const required: ParameterDefinition = { type: "string", required: true };
  await register(definition("broken", { parameters: { day: required } }));
  await register(definition("fine"));
  now = Date.parse("2026-01-15T02:00:00Z");

  const result = await evaluate();

  expect(result).toMatchObject({ kind: "done", nextInMs: 86_400_000 });
  expect(leader.failures.get("broken")?.cause).toContain("day");
  expect(await dates("fine")).toEqual(["2026-01-15T02:00Z"]);
  expect(await dates("broken")).toEqual([]);

  await register(definition("broken"));
  await evaluate();
  expect(leader.failures.size).toBe(0);
  now = Date.parse("2026-01-16T02:00:00Z");
  await evaluate();
  expect(await dates("broken")).toEqual(["2026-01-16T02:00Z"]);
});

test.each([
  ["the store fails", new Error("constraint violated"), 5000],
  ["a connection is lost", new AppError("DATABASE_UNAVAILABLE", "connection lost"), 250],
])("when %s, the slot stays due and the others are still tried", async (_what, error, retryMs) => {
  await register(definition("a"));
  await register(definition("b"));
  now = Date.parse("2026-01-15T02:00:00Z");
  const failing = {
    ...store,
    runs: {
      ...store.runs,
      createRun: async (run: NewRun) => {
        if (run.runId.startsWith("a__")) throw error;
        return store.runs.createRun(run);
      },
    },
  };

  expect(await evaluate({ store: failing })).toEqual({ kind: "done", nextInMs: retryMs });
  expect(await dates("a")).toEqual([]);
  expect(await dates("b")).toEqual(["2026-01-15T02:00Z"]);

  now += retryMs;
  await evaluate();
  expect(await dates("a")).toEqual(["2026-01-15T02:00Z"]);
});

test("many due schedules are worked off in batches, each made once; a stop ends between two of them", async () => {
  const ids = Array.from({ length: 230 }, (_, index) => `d${index}`);
  for (const id of ids) await register(definition(id));
  now = Date.parse("2026-01-15T02:00:00Z");

  await evaluate({ signal: AbortSignal.abort() });
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

test("a registration on the very time of a slot has it", async () => {
  now = Date.parse("2026-01-15T02:00:00Z");
  await register(definition("a"));
  await evaluate();
  expect(await dates("a")).toEqual(["2026-01-15T02:00Z"]);
});

describe("slots that were missed", () => {
  const missed = ["2026-01-14T13:00Z", "2026-01-14T14:00Z", "2026-01-14T15:00Z", "2026-01-14T16:00Z"];

  async function wakeUpLate(schedule: ScheduleDefinition): Promise<void> {
    await register(definition("a", { schedule }));
    now = Date.parse("2026-01-14T16:20:00Z");
    await evaluateAll();
  }

  test.each<[Partial<ScheduleDefinition>, readonly string[], object | null]>([
    [{}, missed.slice(3), { count: 3, reason: "missed" }],
    [{ catchup: "none" }, [], { count: 4, reason: "missed" }],
    [{ catchup: "all" }, missed, null],
    [{ catchup: "all", maxCatchup: 3 }, missed.slice(1), { count: 1, reason: "limit" }],
  ])("%j: what is made, and what was left out", async (policy, made, dropped) => {
    await wakeUpLate({ ...hourly, ...policy });

    expect(await dates("a")).toEqual(made);
    const view = await store.queries.getDag("a");
    if (dropped === null) expect(view?.droppedSlots).toBeNull();
    else expect(view?.droppedSlots).toMatchObject({ ...dropped, from: Date.parse(missed[0] ?? "") });
    expect(view?.nextAt).toBe(Date.parse("2026-01-14T17:00Z"));
  });

  test("a start date in the past makes slots missed", async () => {
    await register(definition("a", { schedule: { ...nightlyWithin(12, 15), catchup: "all" } }));
    await evaluateAll();
    expect(await dates("a")).toEqual(["2026-01-12T02:00Z", "2026-01-13T02:00Z", "2026-01-14T02:00Z"]);

    now = Date.parse("2026-01-20T00:00Z");
    await evaluateAll();
    expect((await dates("a")).at(-1)).toBe("2026-01-15T02:00Z");
    expect((await store.queries.getDag("a"))?.nextAt).toBeNull();
  });

  test("are made in turns: a definition with many holds up no other", async () => {
    const minutely = { text: "* * * * *", timezone: "UTC", catchup: "all", maxCatchup: 1440 } as const;
    for (let index = 0; index < 5; index += 1) await register(definition(`late${index}`, { schedule: minutely }));
    await register(definition("punctual"));
    now = Date.parse("2026-01-15T01:59:30Z");
    for (let round = 0; round < 3; round += 1) await evaluate();
    now = Date.parse("2026-01-15T02:00:00Z");

    await evaluate();

    expect(await dates("punctual")).toEqual(["2026-01-15T02:00Z"]);
    expect(await dates("late0")).toHaveLength(4);
  });
});

describe("a slot that comes while the last run goes on", () => {
  async function finish(runKey: number): Promise<void> {
    await runTask(store, runKey, 0, success);
  }

  /** The first run goes on while two more slots come. */
  async function overlap(policy: ScheduleDefinition["overlap"]): Promise<void> {
    await register(definition("a", { schedule: { ...hourly, ...(policy === undefined ? {} : { overlap: policy }) } }));
    for (const time of ["13", "14", "15"]) {
      now = Date.parse(`2026-01-14T${time}:00:01Z`);
      await evaluateAll();
    }
  }

  test("is made beside it", async () => {
    await overlap(undefined);
    expect(await activeRuns("a")).toHaveLength(3);
  });

  test("is left out and recorded, and the next one after its end is made", async () => {
    await overlap("skip");
    expect(await dates("a")).toEqual(["2026-01-14T13:00Z"]);
    expect((await store.queries.getDag("a"))?.droppedSlots).toMatchObject({
      count: 1,
      totalCount: 2,
      reason: "overlap",
    });

    for (const run of await activeRuns("a")) await finish(run);
    now = Date.parse("2026-01-14T16:00:00Z");
    await evaluateAll();
    expect(await dates("a")).toEqual(["2026-01-14T13:00Z", "2026-01-14T16:00Z"]);
  });

  test("waits with all that follow, and each is made when the one before has ended", async () => {
    await overlap("queue");
    expect(await dates("a")).toEqual(["2026-01-14T13:00Z"]);

    for (const expected of [2, 3, 3]) {
      for (const run of await activeRuns("a")) await finish(run);
      now += 1000;
      await evaluateAll();
      expect(await dates("a")).toHaveLength(expected);
    }
    expect(await dates("a")).toEqual(["2026-01-14T13:00Z", "2026-01-14T14:00Z", "2026-01-14T15:00Z"]);
    expect((await store.queries.getDag("a"))?.droppedSlots).toBeNull();
  });

  test("waits in no longer a line than may be caught up", async () => {
    const schedule: ScheduleDefinition = { ...hourly, overlap: "queue", maxCatchup: 2 };
    await register(definition("a", { schedule }));
    for (let hour = 13; hour < 20; hour += 1) {
      now = Date.parse(`2026-01-14T${hour}:00:01Z`);
      await evaluateAll();
    }
    for (let round = 0; round < 4; round += 1) {
      for (const run of await activeRuns("a")) await finish(run);
      now += 1000;
      await evaluateAll();
    }
    expect(await dates("a")).toEqual(["2026-01-14T13:00Z", "2026-01-14T18:00Z", "2026-01-14T19:00Z"]);
    expect((await store.queries.getDag("a"))?.droppedSlots).toMatchObject({ totalCount: 4, reason: "limit" });
  });

  test("takes its place", async () => {
    await overlap("cancel_running");
    expect(await dates("a")).toHaveLength(3);
    expect(await activeRuns("a")).toHaveLength(1);
    const { items } = await store.queries.listRuns(
      { limit: 9, cursor: null, sort: "-execution_date" },
      { dagId: "a", states: [] },
    );
    expect(items.map(({ state }) => state)).toEqual(["queued", "cancelled", "cancelled"]);
  });
});

describe("@continuous", () => {
  test("makes a run when the last one has ended, dated when it is made", async () => {
    await register(definition("a", { schedule: { text: "@continuous", timezone: "UTC" } }));
    await evaluateAll();
    now += 5000;
    await evaluateAll();
    expect(await dates("a")).toEqual(["2026-01-14T12:00:01Z"]);

    for (const run of await activeRuns("a")) await runTask(store, run, 0, success);
    now += 1000;
    await evaluateAll();
    expect(await dates("a")).toEqual(["2026-01-14T12:00:01Z", "2026-01-14T12:00:07Z"]);
  });
});

test("@once is made once, also when the definition changes", async () => {
  await register(definition("a", { schedule: { text: "@once", timezone: "UTC" } }));
  await evaluateAll();
  await register(definition("a", { schedule: { text: "@once", timezone: "UTC" }, description: "changed" }));
  now += 86_400_000;
  await evaluateAll();
  expect(await dates("a")).toEqual(["2026-01-14T12:00:01Z"]);
});

describe("a jitter", () => {
  test("delays each slot by its own time, which no restart draws again; the date stays the slot's", async () => {
    const schedule: ScheduleDefinition = { ...hourly, jitterMs: 30 * minute };
    await register(definition("a", { schedule }));
    const slots = [13, 14, 15, 16].map((hour) => Date.UTC(2026, 0, 14, hour));
    const delays = slots.map((slot) => slotDelay("a", slot, 30 * minute));
    expect(new Set(delays).size).toBe(4);
    expect(slots.map((slot) => slotDelay("a", slot, 30 * minute))).toEqual(delays);

    for (const [place, slot] of slots.entries()) {
      now = slot + (delays[place] ?? 0) - 1;
      await evaluateAll();
      expect(await dates("a")).toHaveLength(place);
      leader = createEvaluator(store, 1);
      now += 1;
      await evaluateAll();
      expect(await dates("a")).toHaveLength(place + 1);
    }
    expect((await dates("a")).at(-1)).toBe("2026-01-14T16:00Z");
  });

  test("is spread over its range", () => {
    const delays = Array.from({ length: 500 }, (_, slot) => slotDelay("a", slot * minute, 1000));
    expect(Math.min(...delays)).toBeLessThan(20);
    expect(Math.max(...delays)).toBeGreaterThan(980);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1000);
    expect(slotDelay("a", 0, 0)).toBe(0);
  });
});

test("failed runs in a row pause the definition before the next is made; resumed, it goes on", async () => {
  await register(definition("a", { schedule: { ...hourly, pauseAfterFailures: 2 } }));
  const failNext = async (hour: number): Promise<void> => {
    now = Date.parse(`2026-01-14T${hour}:00:00Z`);
    await evaluateAll();
    for (const run of await activeRuns("a")) await runTask(store, run, 0, failure());
  };
  await failNext(13);
  await failNext(14);
  await failNext(15);

  expect(await dates("a")).toHaveLength(2);
  expect((await store.definitions.getActive("a"))?.isPaused).toBe(true);

  now += 1000;
  await store.definitions.setPaused("a", false);
  await failNext(16);
  expect(await dates("a")).toEqual(["2026-01-14T13:00Z", "2026-01-14T14:00Z", "2026-01-14T16:00Z"]);
});

test("a clock that jumps doubles and drops no slot", async () => {
  await register(definition("a", { schedule: { ...hourly, catchup: "all" } }));
  for (const time of ["13:00:01", "13:00:00", "15:00:05", "14:10:00", "16:00:00", "15:59:59", "17:00:00"]) {
    now = Date.parse(`2026-01-14T${time}Z`);
    await evaluateAll();
  }
  expect(await dates("a")).toEqual(["13", "14", "15", "16", "17"].map((hour) => `2026-01-14T${hour}:00Z`));
});
