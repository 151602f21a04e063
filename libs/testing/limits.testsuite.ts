import { describe, expect, it } from "vitest";
import { decideRun, judgeEvents } from "#core/decide-run.ts";
import { activeRunsLimit, concurrencyLimit, poolLimit } from "#core/limit-names.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import type { PlanSpec } from "./plan-spec.ts";
import { change, claim, newRun, runTask, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const cancel = { kind: "cancel", reason: "cancelled" } as const;
const oneTask: PlanSpec = { tasks: [{ id: "a" }] };

async function create(
  store: Store,
  keys: { dagKey: number; versionKey: number },
  changes: Partial<NewRun> = {},
): Promise<{ runKey: number; isAdmitted: boolean }> {
  const result = await store.runs.createRun(newRun(keys, changes));
  if (result.kind !== "created") throw new Error(`no run: ${result.kind}`);
  return result;
}

async function admit(store: Store, runKey: number): Promise<boolean> {
  const result = await change(store, runKey, [{ kind: "admit" }]);
  return result.kind === "applied";
}

async function queued(store: Store, limit = 100): Promise<readonly (readonly [number, number])[]> {
  const { instances } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit });
  return instances.map(({ runKey, ordinal }) => [runKey, ordinal] as const);
}

async function holders(store: Store, limit: string): Promise<readonly number[]> {
  return (await store.limits.listHolders(limit, 100)).map(({ runKey }) => runKey);
}

/** What every store does about limits: rows with a holder, freed by the transaction that ends the holder. */
export function describeLimits(open: OpenHarness): void {
  describe("runs", () => {
    it("make as many active as the DAG allows; the next waits with nothing queued until one has ended", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 2 });
      const runs = [await create(store, keys), await create(store, keys), await create(store, keys)];
      expect(runs.map(({ isAdmitted }) => isAdmitted)).toEqual([true, true, false]);
      const [first, second, third] = runs.map(({ runKey }) => runKey);
      expect(await queued(store)).toEqual([
        [first, 0],
        [second, 0],
      ]);
      expect(await store.runs.listAdmissible(10)).toEqual([]);
      expect(await admit(store, third ?? 0)).toBe(false);
      await runTask(store, first ?? 0, 0, success);
      expect(await holders(store, activeRunsLimit(keys.dagKey))).toEqual([second]);
      expect(await store.runs.listAdmissible(10)).toEqual([third]);
      expect(await admit(store, third ?? 0)).toBe(true);
      expect(await queued(store)).toEqual([
        [second, 0],
        [third, 0],
      ]);
      expect(await store.runs.listAdmissible(10)).toEqual([]);
    });

    it("are admitted in their order, and a new one does not go before one that waits", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 1 });
      const first = await create(store, keys);
      const second = await create(store, keys);
      await runTask(store, first.runKey, 0, success);
      const third = await create(store, keys);
      expect(third.isAdmitted).toBe(false);
      expect(await store.runs.listAdmissible(10)).toEqual([second.runKey]);
    });

    it("that are cancelled while they wait end without having begun, and hold nothing", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 1 });
      const first = await create(store, keys);
      const second = await create(store, keys);
      const result = await change(store, second.runKey, [cancel]);
      expect(result).toMatchObject({ kind: "applied", run: { run: { state: "cancelled" } } });
      expect(await admit(store, second.runKey)).toBe(false);
      expect(await holders(store, activeRunsLimit(keys.dagKey))).toEqual([first.runKey]);
    });

    it("that begin again wait for room like new ones", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 1 });
      const first = await create(store, keys);
      await runTask(store, first.runKey, 0, success);
      const second = await create(store, keys);
      const author = { by: "me", note: "" };
      await change(store, first.runKey, [{ kind: "clear", ordinals: [0], includeDownstream: false, author }]);
      expect(await queued(store)).toEqual([[second.runKey, 0]]);
      expect(await store.runs.listAdmissible(10)).toEqual([]);
      await runTask(store, second.runKey, 0, success);
      expect(await store.runs.listAdmissible(10)).toEqual([first.runKey]);
      await admit(store, first.runKey);
      await runTask(store, first.runKey, 0, success);
      expect(await holders(store, activeRunsLimit(keys.dagKey))).toEqual([]);
    });

    it("that begin again take room in the same step where there is some", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 1 });
      const { runKey } = await create(store, keys);
      await runTask(store, runKey, 0, success);
      const author = { by: "me", note: "" };
      await change(store, runKey, [{ kind: "clear", ordinals: [0], includeDownstream: false, author }]);
      expect(await queued(store)).toEqual([[runKey, 0]]);
      expect(await holders(store, activeRunsLimit(keys.dagKey))).toEqual([runKey]);
    });

    it("of one concurrency key share a limit, those of others and of none do not", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 9, concurrencyLimit: 1 });
      const eu = await create(store, keys, { concurrencyKey: "eu" });
      const again = await create(store, keys, { concurrencyKey: "eu" });
      const us = await create(store, keys, { concurrencyKey: "us" });
      const none = await create(store, keys);
      expect([eu, again, us, none].map(({ isAdmitted }) => isAdmitted)).toEqual([true, false, true, true]);
      expect(await store.runs.listAdmissible(10)).toEqual([]);
      expect(await holders(store, concurrencyLimit(keys.dagKey, "eu"))).toEqual([eu.runKey]);
      await runTask(store, eu.runKey, 0, success);
      expect(await store.runs.listAdmissible(10)).toEqual([again.runKey]);
    });

    it("that are not to wait are not made", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 1 });
      await create(store, keys);
      expect(await store.runs.createRun(newRun(keys, { whenFull: "refuse" }))).toEqual({ kind: "no_room" });
      expect(await store.runs.listAdmissible(10)).toEqual([]);
    });

    it("that replace another take the room that it gives back", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 1 });
      const logicalAt = Date.UTC(2026, 0, 1);
      const old = await create(store, keys, { logicalAt });
      const made = await create(store, keys, { logicalAt, replaceExisting: true });
      expect(made.isAdmitted).toBe(true);
      expect(await holders(store, activeRunsLimit(keys.dagKey))).toEqual([made.runKey]);
      expect(made.runKey).not.toBe(old.runKey);
    });

    it("never exceed the limit, whoever asks at the same time", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const keys = await registerDag(store, "dag", { ...oneTask, maxActiveRuns: 3 });
      const made = await Promise.all(
        Array.from({ length: 12 }, (_, place) => create(place % 2 === 0 ? store : other, keys)),
      );
      expect(made.filter(({ isAdmitted }) => isAdmitted)).toHaveLength(3);
      const waiting = made.filter(({ isAdmitted }) => !isAdmitted).map(({ runKey }) => runKey);
      for (const { runKey } of made.filter(({ isAdmitted }) => isAdmitted)) await runTask(store, runKey, 0, success);
      await Promise.all(waiting.map((runKey, place) => admit(place % 2 === 0 ? store : other, runKey)));
      expect(await holders(store, activeRunsLimit(keys.dagKey))).toHaveLength(3);
    });
  });

  describe("attempts", () => {
    it("of a pool are out at once as many as it has slots, in whatever DAG", async () => {
      const { store } = await openForTest(open);
      await store.limits.setPool({ name: "db", size: 2, description: "" });
      const one = await startRun(store, [
        { id: "a", pool: "db" },
        { id: "b", pool: "db" },
      ]);
      const two = await startRun(store, [{ id: "c", pool: "db" }, { id: "free" }]);
      expect(await queued(store)).toHaveLength(3);
      await claim(store, one.runKey, 0);
      await claim(store, one.runKey, 1);
      expect(await queued(store)).toEqual([[two.runKey, 1]]);
      expect(await refusalOf(store, two.runKey, 0)).toBe("limit_reached");
      expect(await holders(store, poolLimit("db"))).toEqual([one.runKey, one.runKey]);
      expect(await store.limits.listPools()).toEqual([{ name: "db", size: 2, description: "", used: 2, waiting: 1 }]);
      await change(store, one.runKey, [await outcomeOf(store, one.runKey, 0)]);
      await claim(store, two.runKey, 0);
      const tasks = (await store.limits.listHolders(poolLimit("db"), 10)).map(({ taskId }) => taskId);
      expect(new Set(tasks)).toEqual(new Set(["b", "c"]));
    });

    it("of a pool that nobody has made wait until it is there", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "a", pool: "later" }]);
      expect(await queued(store)).toEqual([]);
      await store.limits.setPool({ name: "later", size: 1, description: "x" });
      expect(await queued(store)).toEqual([[runKey, 0]]);
      expect(await store.limits.deletePool("later")).toBe(true);
      expect(await store.limits.deletePool("later")).toBe(false);
      expect(await queued(store)).toEqual([]);
    });

    it("keep what they have of a pool that is made smaller", async () => {
      const { store } = await openForTest(open);
      await store.limits.setPool({ name: "db", size: 2, description: "" });
      const { runKey } = await startRun(store, [
        { id: "a", pool: "db" },
        { id: "b", pool: "db" },
        { id: "c", pool: "db" },
      ]);
      await claim(store, runKey, 0);
      await claim(store, runKey, 1);
      await store.limits.setPool({ name: "db", size: 1, description: "" });
      await change(store, runKey, [await outcomeOf(store, runKey, 0)]);
      await change(store, runKey, [await outcomeOf(store, runKey, 1)]);
      await claim(store, runKey, 2);
      expect(await holders(store, poolLimit("db"))).toHaveLength(1);
    });

    it("of a DAG are out at once as many as it allows, in all its runs", async () => {
      const { store } = await openForTest(open);
      const tasks = [{ id: "a" }, { id: "b" }];
      const keys = await registerDag(store, "dag", { tasks, maxActiveTasks: 3 });
      const one = await create(store, keys);
      const two = await create(store, keys);
      expect(await queued(store)).toHaveLength(3);
      await claim(store, one.runKey, 0);
      await claim(store, one.runKey, 1);
      expect(await queued(store)).toEqual([[two.runKey, 0]]);
      await claim(store, two.runKey, 0);
      expect(await queued(store)).toEqual([]);
      expect(await refusalOf(store, two.runKey, 1)).toBe("limit_reached");
    });

    it("hold their slot until their process tree is gone", async () => {
      const { store } = await openForTest(open);
      await store.limits.setPool({ name: "db", size: 1, description: "" });
      const { runKey } = await startRun(store, [{ id: "a", pool: "db" }]);
      const fence = await claim(store, runKey, 0);
      await change(store, runKey, [cancel]);
      expect(await holders(store, poolLimit("db"))).toEqual([runKey]);
      await change(store, runKey, [{ kind: "released", ordinal: 0, fence }]);
      expect(await holders(store, poolLimit("db"))).toEqual([]);
    });

    it("are passed by where their limit is full, so that others go on", async () => {
      const { store } = await openForTest(open);
      await store.limits.setPool({ name: "db", size: 1, description: "" });
      const limited = Array.from({ length: 5 }, (_, place) => ({ id: `p${place}`, pool: "db", priority: 5 }));
      const { runKey } = await startRun(store, [...limited, { id: "free" }]);
      const first = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 3 });
      expect(first).toMatchObject({ instances: [{ ordinal: 0 }], mayBeMore: true });
      await claim(store, runKey, 0);
      expect(await queued(store, 3)).toEqual([[runKey, 5]]);
    });
  });
}

/** Why a first claim is refused. */
async function refusalOf(store: Store, runKey: number, ordinal: number): Promise<string> {
  const events = [{ kind: "claim", ordinal, generation: 1, tryNumber: 1, workerKey: 1 }] as const;
  const [result] = await store.runs.changeRuns([
    { runKey, decide: (run, { lacksRoom }) => decideRun(run, events, store.now(), { lacksRoom }) },
  ]);
  if (result?.kind !== "unchanged") return `not refused: ${result?.kind}`;
  const [verdict] = judgeEvents(result.run, events, store.now(), result.lacksRoom);
  return verdict?.accepted === false ? verdict.reason : "accepted";
}

async function outcomeOf(
  store: Store,
  runKey: number,
  ordinal: number,
): Promise<{ kind: "outcome"; ordinal: number; fence: number; outcome: typeof success }> {
  const [result] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
  const fence = result?.kind === "unchanged" ? (result.run.instances[ordinal]?.fence ?? -1) : -1;
  return { kind: "outcome", ordinal, fence, outcome: success };
}
