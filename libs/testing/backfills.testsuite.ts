import { describe, expect, it } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { BackfillRow, NewBackfill } from "#ports/backfill-store.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import { change, failure, newRun, runTask, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const day = 86_400_000;
const first = Date.UTC(2026, 0, 1);
const dates = [0, 1, 2, 3].map((place) => first + place * day);
const firstPage = { limit: 10, cursor: null, sort: null };

interface Opened {
  readonly store: Store;
  readonly epoch: number;
  readonly keys: { readonly dagKey: number; readonly versionKey: number };
  readonly create: (changes?: Partial<NewBackfill>) => Promise<BackfillRow>;
  readonly createRun: (logicalAt: number, changes?: Partial<NewRun>) => Promise<number>;
}

async function openBackfills(open: OpenHarness, dagId = "etl"): Promise<Opened> {
  const { store } = await openForTest(open);
  const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
  const keys = await registerDag(store, dagId, { tasks: [{ id: "only" }] });
  let count = 0;
  return {
    store,
    keys,
    epoch: lease?.epoch ?? 0,
    async create(changes = {}) {
      count += 1;
      const backfillId = changes.backfillId ?? `b${count}`;
      await store.backfills.create({ ...newBackfill(keys), backfillId, ...changes });
      const made = await store.backfills.get(backfillId);
      if (made === null) throw new Error("it was not created");
      return made;
    },
    async createRun(logicalAt, changes = {}) {
      const made = await store.runs.createRun(newRun(keys, { logicalAt, ...changes }));
      if (made.kind !== "created") throw new Error(made.kind);
      return made.runKey;
    },
  };
}

function newBackfill(keys: { dagKey: number; versionKey: number }): NewBackfill {
  return {
    ...keys,
    backfillId: "b",
    fromAt: first,
    toAt: first + 3 * day,
    selection: "missing",
    newestFirst: false,
    maxActiveRuns: 2,
    priorityOffset: -10,
    parameters: { x: 1 },
    note: "why",
    createdBy: "me",
    slotCount: dates.length,
    request: null,
  };
}

/** Lists all four slots. */
async function plan({ store, epoch }: Opened, backfill: BackfillRow): Promise<void> {
  await store.backfills.addSlots(backfill, { dates, plannedTo: first + 3 * day, isLast: true }, epoch);
}

const rerunAll = (run: RunAggregate): Decision | null =>
  decideRun(run, [{ kind: "rerun", from: "all", target: null, author: { by: "b", note: "" } }], 0);

async function waitingDates({ store }: Opened, backfill: BackfillRow): Promise<readonly number[]> {
  return (await store.backfills.listWaiting(backfill, 10)).map(({ logicalAt }) => logicalAt);
}

export function describeBackfills(open: OpenHarness): void {
  it("keep what was asked for, begin by listing slots, and are listed newest first", async () => {
    const opened = await openBackfills(open);
    const { store, keys } = opened;
    const made = await opened.create();
    const { request: _, ...asked } = newBackfill(keys);
    expect(made).toMatchObject({ ...asked, backfillId: "b1", dagId: "etl" });
    expect(made).toMatchObject({
      state: "planning",
      isPaused: false,
      plannedTo: first - 1,
      endedAt: null,
      refusal: "",
    });
    expect(made).toMatchObject({ progress: { waiting: 4, active: 0, success: 0 } });
    await opened.create();
    const ids = async (filter: Parameters<Store["backfills"]["list"]>[1]): Promise<readonly string[]> =>
      (await store.backfills.list(firstPage, filter)).items.map(({ backfillId }) => backfillId);
    expect(await ids({ dagId: null, states: [] })).toEqual(["b2", "b1"]);
    expect(await ids({ dagId: "other", states: [] })).toEqual([]);
    expect(await ids({ dagId: "etl", states: ["completed"] })).toEqual([]);
    expect(await store.backfills.get("nobody")).toBeNull();
  });

  it("are made once for a request id, and another body is a conflict", async () => {
    const { store, keys } = await openBackfills(open);
    const asked = { ...newBackfill(keys), request: { id: "r", bodyHash: "1" } };
    expect(await store.backfills.create(asked)).toEqual({ kind: "created", backfillId: "b" });
    expect(await store.backfills.create({ ...asked, backfillId: "c" })).toEqual({ kind: "repeated", backfillId: "b" });
    const other = { ...asked, backfillId: "c", request: { id: "r", bodyHash: "2" } };
    expect(await store.backfills.create(other)).toEqual({ kind: "request_conflict" });
    expect(await store.backfills.create({ ...other, createdBy: "you" })).toEqual({ kind: "created", backfillId: "c" });
  });

  it("are open while they have something to do", async () => {
    const opened = await openBackfills(open);
    const { store } = opened;
    const { backfillKey } = await opened.create();
    const second = await opened.create();
    const openIds = async (afterKey = 0): Promise<readonly string[]> =>
      (await store.backfills.listOpen({ afterKey, limit: 10 })).map(({ backfillId }) => backfillId);
    expect(await openIds()).toEqual(["b1", "b2"]);
    expect(await openIds(backfillKey)).toEqual(["b2"]);
    expect(await store.backfills.setPaused("b1", true)).toBe(true);
    expect(await openIds()).toEqual(["b2"]);
    await store.definitions.setPaused("etl", true);
    expect(await openIds()).toEqual([]);
    expect(await store.backfills.cancel("b1", { cancelRuns: true })).toBe(true);
    expect(await store.backfills.cancel("b1", { cancelRuns: false })).toBe(true);
    expect(await store.backfills.listOpen({ afterKey: 0, limit: 10 })).toMatchObject([
      { backfillId: "b1", state: "cancelling", cancelRuns: true },
    ]);
    await store.definitions.setPaused("etl", false);
    await store.backfills.finish(second.backfillKey, "completed", opened.epoch);
    expect(await openIds()).toEqual(["b1", "b2"]);
    await store.backfills.finish(backfillKey, "cancelled", opened.epoch);
    expect(await store.backfills.get("b1")).toMatchObject({ state: "cancelled", endedAt: expect.any(Number) });
    expect(await store.backfills.setPaused("b1", false)).toBe(false);
    expect(await store.backfills.cancel("b1", { cancelRuns: true })).toBe(false);
  });

  it("list slots from where the cursor is, once, and for the leader alone", async () => {
    const opened = await openBackfills(open);
    const { store, epoch } = opened;
    const made = await opened.create();
    const page = { dates: dates.slice(0, 2), plannedTo: first + day, isLast: false };
    expect(await store.backfills.addSlots(made, page, epoch + 1)).toBe(false);
    expect(await store.backfills.addSlots(made, page, epoch)).toBe(true);
    expect(await store.backfills.addSlots(made, page, epoch)).toBe(false);
    const next = { backfillKey: made.backfillKey, plannedTo: first + day };
    const rest = { dates: dates.slice(2), plannedTo: first + 3 * day, isLast: true };
    expect(await store.backfills.addSlots(next, rest, epoch)).toBe(true);
    expect(await store.backfills.get("b1")).toMatchObject({ state: "running", plannedTo: first + 3 * day });
    expect(await waitingDates(opened, made)).toEqual(dates);
    expect(await waitingDates(opened, { ...made, newestFirst: true })).toEqual(dates.toReversed());
  });

  describe("slots", () => {
    it("show the run of their date, but not one that was replaced", async () => {
      const opened = await openBackfills(open);
      const { store } = opened;
      const made = await opened.create();
      await plan(opened, made);
      await opened.createRun(first, { externalTriggerId: "x" });
      const runKey = await opened.createRun(first, { replaceExisting: true, externalTriggerId: "y" });
      const [slot, empty] = await store.backfills.listWaiting(made, 2);
      expect(slot).toMatchObject({
        logicalAt: first,
        run: { runKey, state: "queued", endedAt: null, runType: "manual", externalTriggerId: "y" },
      });
      expect(empty).toEqual({ logicalAt: first + day, run: null });
      const found = await store.backfills.findRuns(opened.keys.dagKey, dates);
      expect([...found.keys()]).toEqual([first]);
      expect(found.get(first)).toEqual(slot?.run);
    });

    it("leave their wait once, for the leader alone, and count by what became of them", async () => {
      const opened = await openBackfills(open);
      const { store, epoch } = opened;
      const made = await opened.create();
      await plan(opened, made);
      const [a = 0, b = 0, c = 0] = dates;
      const runKey = await opened.createRun(a);
      const marks = [
        { logicalAt: a, state: "active", runKey },
        { logicalAt: b, state: "left", reason: "it was there" },
        { logicalAt: c, state: "refused", reason: "no value" },
      ] as const;
      await store.backfills.markSlots(made.backfillKey, marks, epoch + 1);
      expect(await waitingDates(opened, made)).toEqual(dates);
      await store.backfills.markSlots(made.backfillKey, marks, epoch);
      await store.backfills.markSlots(made.backfillKey, [{ logicalAt: b, state: "refused", reason: "late" }], epoch);
      expect(await waitingDates(opened, made)).toEqual(dates.slice(3));
      const counted = { waiting: 1, active: 1, left: 1, refused: 1, success: 0, failed: 0, cancelled: 0 };
      expect(await store.backfills.get("b1")).toMatchObject({ progress: counted, refusal: "no value" });
      expect(await store.backfills.listActiveRuns(made.backfillKey, 10)).toEqual([runKey]);
      expect(await store.backfills.settle(made.backfillKey, epoch)).toBe(1);
      await runTask(store, runKey, 0, failure());
      expect(await store.backfills.settle(made.backfillKey, epoch)).toBe(0);
      expect(await store.backfills.listActiveRuns(made.backfillKey, 10)).toEqual([]);
      expect(await store.backfills.get("b1")).toMatchObject({ progress: { ...counted, active: 0, failed: 1 } });
      expect((await store.backfills.listRuns(firstPage, "b1")).items).toMatchObject([{ runKey, state: "failed" }]);
    });

    it("take over a run that was made for them and not noted, and no other", async () => {
      const opened = await openBackfills(open);
      const { store, epoch } = opened;
      const made = await opened.create();
      await plan(opened, made);
      const [a = 0, b = 0, c = 0] = dates;
      const own = { runType: "backfill", externalTriggerId: "b1" } as const;
      const runKey = await opened.createRun(a, own);
      await opened.createRun(b, { ...own, externalTriggerId: "b2" });
      await opened.createRun(c, { ...own, runType: "manual" });
      expect(await store.backfills.settle(made.backfillKey, epoch + 1)).toBeNull();
      expect(await store.backfills.settle(made.backfillKey, epoch)).toBe(1);
      expect(await store.backfills.settle(made.backfillKey, epoch)).toBe(1);
      expect(await store.backfills.listActiveRuns(made.backfillKey, 10)).toEqual([runKey]);
      await change(store, runKey, [{ kind: "cancel", reason: "" }]);
      expect(await store.backfills.settle(made.backfillKey, epoch)).toBe(0);
      expect(await store.backfills.get("b1")).toMatchObject({ progress: { waiting: 3, cancelled: 1 } });
    });
  });

  describe("a rerun", () => {
    it("changes run and slot together, once, with the backfill's priority", async () => {
      const opened = await openBackfills(open);
      const { store, epoch } = opened;
      const made = await opened.create({ selection: "all" });
      await plan(opened, made);
      const runKey = await opened.createRun(first);
      await runTask(store, runKey, 0, success);
      const live = await opened.createRun(first + 10 * day);
      const slot = { backfillKey: made.backfillKey, logicalAt: first, runKey, priorityOffset: -10 };
      expect(await store.backfills.rerunSlot(slot, rerunAll, epoch + 1)).toBe("unchanged");
      expect(await store.backfills.rerunSlot(slot, () => null, epoch)).toBe("unchanged");
      expect(await waitingDates(opened, made)).toEqual(dates);
      expect(await store.backfills.rerunSlot(slot, rerunAll, epoch)).toBe("rerun");
      expect(await store.backfills.rerunSlot(slot, rerunAll, epoch)).toBe("unchanged");
      expect(await waitingDates(opened, made)).toEqual(dates.slice(1));
      expect(await store.backfills.settle(made.backfillKey, epoch)).toBe(1);
      const picked = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 10 });
      expect(picked.instances.map((instance) => [instance.runKey, instance.generation])).toEqual([
        [live, 1],
        [runKey, 2],
      ]);
    });

    it("begins no more once the backfill is cancelled", async () => {
      const opened = await openBackfills(open);
      const { store, epoch } = opened;
      const made = await opened.create({ selection: "all" });
      await plan(opened, made);
      const runKey = await opened.createRun(first);
      await runTask(store, runKey, 0, success);
      await store.backfills.cancel("b1", { cancelRuns: false });
      const slot = { backfillKey: made.backfillKey, logicalAt: first, runKey, priorityOffset: -10 };
      expect(await store.backfills.rerunSlot(slot, rerunAll, epoch)).toBe("unchanged");
      expect(await store.backfills.get("b1")).toMatchObject({ progress: { waiting: 4 } });
    });
  });

  it("give way to live runs: their runs' instances are picked after them", async () => {
    const opened = await openBackfills(open);
    const low = await opened.createRun(first, { priorityOffset: -10 });
    const live = await opened.createRun(first + day);
    const picked = await opened.store.runs.pickQueued({
      queues: ["default"],
      backends: [null],
      limit: 10,
    });
    expect(picked.instances.map(({ runKey }) => runKey)).toEqual([live, low]);
  });
}
