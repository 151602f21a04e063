import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { Definition } from "#definition/model.ts";
import type { BackfillRow, BackfillSelection, NewBackfill } from "#ports/backfill-store.ts";
import type { Store } from "#ports/store.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { change, claim, failure, newRun, readInstances, runTask, success } from "#testing/store-driver.ts";
import { advanceBackfill } from "./advance-backfill.ts";
import { randomSuffix } from "./run-id.ts";
import { registerDefinition, silentLogger } from "./scheduler-harness.testsuite.ts";

const day = 86_400_000;
const first = Date.UTC(2026, 0, 1);
const slotCount = 8;
const dates = Array.from({ length: slotCount }, (_, place) => first + place * day);
const toPlan = () => buildPlan([{ id: "a" }]);

/** What a date has before the backfill begins. */
type Before = "nothing" | "success" | "failed" | "cancelled" | "active";

/** What happens to a leader at one of its writes. `late`: it stands still before it, and writes under the next leader. */
type Fate = "fine" | "dies before" | "dies after" | "late";

class Crash extends Error {}

const written = ["addSlots", "settle", "markSlots", "rerunSlot", "finish"] as const;

interface World {
  readonly store: Store;
  readonly keys: { readonly dagKey: number; readonly versionKey: number };
  readonly backfillId: string;
  /** The run that each date had. */
  readonly runKeys: ReadonlyMap<number, number>;
}

async function openWorld(before: readonly Before[], settings: Partial<NewBackfill>, text = "@daily"): Promise<World> {
  const store = createMemoryStore({ toPlan });
  const schedule = { text, timezone: "UTC" };
  await registerDefinition(store, emptyDefinition("etl", { schedule }));
  const active = await store.definitions.getActive("etl");
  const keys = { dagKey: active?.dagKey ?? 0, versionKey: active?.versionKey ?? 0 };
  const runKeys = new Map<number, number>();
  for (const [place, kind] of before.entries()) {
    const logicalAt = dates[place] ?? 0;
    if (kind === "nothing") continue;
    const made = await store.runs.createRun(newRun(keys, { logicalAt }));
    if (made.kind !== "created") throw new Error(made.kind);
    runKeys.set(logicalAt, made.runKey);
    if (kind === "cancelled") await change(store, made.runKey, [{ kind: "cancel", reason: "" }]);
    else if (kind !== "active") await runTask(store, made.runKey, 0, kind === "success" ? success : failure());
  }
  await store.backfills.create({
    ...keys,
    backfillId: "b",
    fromAt: first,
    toAt: first + (slotCount - 1) * day,
    selection: "missing",
    newestFirst: false,
    maxActiveRuns: 2,
    priorityOffset: -10,
    parameters: {},
    note: "",
    createdBy: "me",
    slotCount,
    request: null,
    ...settings,
  });
  return { store, keys, backfillId: "b", runKeys };
}

/** A leader's view of the store, whose writes meet the fates in their order. */
function fatedStore(store: Store, next: () => Fate, postpone: (write: () => Promise<unknown>) => void): Store {
  const fated =
    <A extends unknown[], R>(write: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      const fate = next();
      if (fate === "late") postpone(() => write(...given));
      if (fate === "late" || fate === "dies before") throw new Crash();
      const result = await write(...given);
      if (fate === "dies after") throw new Crash();
      return result;
    };
  const backfills = { ...store.backfills };
  for (const name of written) Object.assign(backfills, { [name]: fated(store.backfills[name] as never) });
  return { ...store, backfills, runs: { ...store.runs, createRun: fated((run) => store.runs.createRun(run)) } };
}

async function find(store: Store): Promise<BackfillRow | undefined> {
  return (await store.backfills.listOpen({ afterKey: 0, limit: 1 }))[0];
}

/** Runs of the backfill that go on. */
async function activeRuns(store: Store): Promise<readonly number[]> {
  const { items } = await store.backfills.listRuns({ limit: 100, cursor: null, sort: null }, "b");
  const made = await store.queries.listRuns({ limit: 100, cursor: null, sort: null }, { dagId: "etl", states: [] });
  const own = made.items.filter(({ externalTriggerId }) => externalTriggerId === "b");
  const active = [...items, ...own].filter(({ endedAt }) => endedAt === null);
  return [...new Set(active.map(({ runKey }) => runKey))];
}

/** A write of a leader that stood still reaches the store so many steps later. */
const lateSteps = 7;

/**
 * Carries it on to its end, whatever befalls its leaders; runs end also while nobody leads. Answers the most runs that
 * went on at once.
 */
async function carryOn(store: Store, fates: readonly Fate[]): Promise<number> {
  const rest = [...fates];
  const late: (() => Promise<unknown>)[] = [];
  let most = 0;
  let steps = 0;
  const endRuns = async (runKeys: readonly number[]): Promise<void> => {
    for (const runKey of runKeys) await runTask(store, runKey, 0, success);
  };
  for (let leader = 1; leader < 200; leader += 1) {
    const holder = `s${leader}`;
    const lease = await store.leases.acquire({ name: "scheduler", holder, ttlMs: 60_000 });
    const fated = fatedStore(
      store,
      () => rest.shift() ?? "fine",
      (write) => late.push(write),
    );
    const context = { store: fated, epoch: lease?.epoch ?? 0, createSuffix: randomSuffix, logger: silentLogger };
    try {
      for (;;) {
        steps += 1;
        if (steps % lateSteps === 0) for (const write of late.splice(0)) await write();
        const backfill = await find(store);
        if (backfill === undefined) break;
        const step = await advanceBackfill(backfill, { ...context, signal: new AbortController().signal });
        const active = await activeRuns(store);
        most = Math.max(most, active.length);
        if (step === "waits") await endRuns(active.slice(0, 1));
      }
      for (const write of late.splice(0)) await write();
      await endRuns(await activeRuns(store));
      return most;
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown;
      await store.leases.release({ name: "scheduler", holder });
      await endRuns(await activeRuns(store));
    }
  }
  throw new Error("it does not end");
}

/** The generation that each date's run has in the end; 0: it has none. */
async function generations({ store, keys }: World): Promise<readonly number[]> {
  const runs = await store.backfills.findRuns(keys.dagKey, dates);
  const read = async (date: number): Promise<number> => {
    const runKey = runs.get(date)?.runKey;
    return runKey === undefined ? 0 : ((await readInstances(store, runKey))[0]?.generation ?? 0);
  };
  return Promise.all(dates.map(read));
}

function expectedGeneration(before: Before, selection: BackfillSelection): number {
  if (before === "nothing") return selection === "failed" ? 0 : 1;
  if (before === "active" || selection === "missing") return 1;
  return selection === "all" || before !== "success" ? 2 : 1;
}

const befores = fc.array(fc.constantFrom<Before>("nothing", "success", "failed", "cancelled", "active"), {
  minLength: slotCount,
  maxLength: slotCount,
});
const fateLists = fc.array(fc.constantFrom<Fate>("fine", "fine", "dies before", "dies after", "late"), {
  maxLength: 60,
});
const settings = fc.record({
  selection: fc.constantFrom<BackfillSelection>("missing", "failed", "all"),
  newestFirst: fc.boolean(),
  maxActiveRuns: fc.integer({ min: 1, max: 4 }),
});

test("fills each slot once, whenever its leaders die or wake up late", async () => {
  await fc.assert(
    fc.asyncProperty(befores, fateLists, settings, async (before, fates, chosen) => {
      const world = await openWorld(before, chosen);
      const most = await carryOn(world.store, fates);

      expect(await generations(world)).toEqual(before.map((kind) => expectedGeneration(kind, chosen.selection)));
      expect(most).toBeLessThanOrEqual(chosen.maxActiveRuns);
      const ended = await world.store.backfills.get("b");
      expect(ended).toMatchObject({ state: "completed", progress: { waiting: 0, active: 0, refused: 0 } });
      const { success: good = 0, left = 0 } = ended?.progress ?? {};
      expect(good + left).toBe(slotCount);
    }),
    { numRuns: 150 },
  );
});

test("lists many slots in pages, without a gap or a double, wherever its leaders die", async () => {
  const minutes = Array.from({ length: 3500 }, (_, place) => first + place * 60_000);
  const range = { toAt: minutes.at(-1) ?? 0, slotCount: minutes.length };
  await fc.assert(
    fc.asyncProperty(fateLists, async (fates) => {
      const { store } = await openWorld([], range, "* * * * *");
      const rest = [...fates];
      const late: (() => Promise<unknown>)[] = [];
      for (let leader = 1; (await store.backfills.get("b"))?.state === "planning"; leader += 1) {
        const holder = `s${leader}`;
        const lease = await store.leases.acquire({ name: "scheduler", holder, ttlMs: 60_000 });
        const fated = fatedStore(
          store,
          () => rest.shift() ?? "fine",
          (write) => late.push(write),
        );
        const { signal } = new AbortController();
        const context = { store: fated, epoch: lease?.epoch ?? 0, createSuffix: randomSuffix, logger: silentLogger };
        const backfill = await find(store);
        if (backfill === undefined) throw new Error("it is not open");
        await advanceBackfill(backfill, { ...context, signal }).catch(() => undefined);
        // One in two writes of leaders that stood still comes while another leads.
        if (leader % 2 === 0) for (const write of late.splice(0)) await write();
        await store.leases.release({ name: "scheduler", holder });
      }
      for (const write of late) await write();
      const { backfillKey = 0 } = (await find(store)) ?? {};
      const waiting = await store.backfills.listWaiting({ backfillKey, newestFirst: false }, 10_000);
      expect(waiting.map(({ logicalAt }) => logicalAt)).toEqual(minutes);
    }),
    { numRuns: 20 },
  );
});

test("begins with the oldest, or with the newest", async () => {
  for (const newestFirst of [false, true]) {
    const { store } = await openWorld([], { newestFirst });
    const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
    const { signal } = new AbortController();
    const context = { store, epoch: lease?.epoch ?? 0, createSuffix: randomSuffix, logger: silentLogger, signal };
    for (let step = 0; step < 3; step += 1) {
      const backfill = await find(store);
      if (backfill !== undefined) await advanceBackfill(backfill, context);
    }
    const { items } = await store.backfills.listRuns({ limit: 10, cursor: null, sort: "execution_date" }, "b");
    expect(items.map(({ logicalAt }) => logicalAt)).toEqual(newestFirst ? dates.slice(-2) : dates.slice(0, 2));
    expect(items[0]).toMatchObject({ runType: "backfill", triggeredBy: "b", externalTriggerId: "b" });
    expect((items[1]?.logicalAt ?? 0) - (items[1]?.intervalStartAt ?? 0)).toBe(day);
  }
});

test("a cancel begins nothing new and lets its runs end, or cancels them if asked, but never those that it left", async () => {
  for (const cancelRuns of [false, true]) {
    const world = await openWorld(["active"], {});
    const { store } = world;
    const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
    const { signal } = new AbortController();
    const context = { store, epoch: lease?.epoch ?? 0, createSuffix: randomSuffix, logger: silentLogger, signal };
    const advance = async (times: number): Promise<void> => {
      for (let step = 0; step < times; step += 1) {
        const backfill = await find(store);
        if (backfill !== undefined) await advanceBackfill(backfill, context);
      }
    };
    await advance(3);
    const [oldest = 0] = await activeRuns(store);
    await claim(store, oldest, 0);
    await store.backfills.cancel("b", { cancelRuns });
    await advance(3);
    expect(await store.backfills.get("b")).toMatchObject({ state: "cancelling", endedAt: null });
    const states = await Promise.all(
      (await activeRuns(store)).map(async (key) => (await readInstances(store, key))[0]?.state),
    );
    expect(states).toEqual(cancelRuns ? ["skipped"] : ["running", "queued"]);
    for (const runKey of await activeRuns(store)) {
      const [instance] = await readInstances(store, runKey);
      if (instance?.held) await change(store, runKey, [{ kind: "released", ordinal: 0, fence: instance.heldFence }]);
      if (instance?.state === "running") {
        await change(store, runKey, [{ kind: "outcome", ordinal: 0, fence: instance.fence, outcome: success }]);
      }
      if (instance?.state === "queued") await runTask(store, runKey, 0, success);
    }
    await advance(2);
    const counts = cancelRuns ? { cancelled: 2 } : { success: 2 };
    expect(await store.backfills.get("b")).toMatchObject({
      state: "cancelled",
      progress: { ...counts, left: 1, waiting: 5, active: 0 },
    });
    expect((await readInstances(store, world.runKeys.get(first) ?? 0))[0]?.state).toBe("queued");
  }
});

test("a slot that can't be filled is refused by its cause, and the others go on", async () => {
  const needy: Definition["parameters"] = { day: { type: "string", required: true } };
  const { store } = await openWorld(["success"], { selection: "all", parameters: { day: 5 } });
  await registerDefinition(
    store,
    emptyDefinition("etl", { schedule: { text: "@daily", timezone: "UTC" }, parameters: needy }),
  );
  await carryOn(store, []);
  const ended = await store.backfills.get("b");
  expect(ended).toMatchObject({ state: "completed", progress: { refused: slotCount } });
  expect(ended?.refusal).toMatch(/`day`/);
});
