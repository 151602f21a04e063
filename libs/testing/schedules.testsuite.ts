import { describe, expect, it } from "vitest";
import type { NewRun } from "#ports/new-run.ts";
import type { ScheduleMove, ScheduleRow } from "#ports/schedule-store.ts";
import type { Store } from "#ports/store.ts";
import { expectRegistered, newVersion, registerDag } from "./dag-builder.ts";
import { failure, newRun, runTask, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const hour = 3_600_000;

function dailyAt(nextAt: number | null, rule = "@daily"): ScheduleRow {
  return { text: "@daily", timezone: "UTC", rule, firstAt: nextAt, nextAt };
}

async function lead(store: Store): Promise<number> {
  const lease = await store.leases.acquire({ name: "scheduler", holder: "one", ttlMs: 60_000 });
  return lease?.epoch ?? -1;
}

async function register(store: Store, dagId: string, schedule: ScheduleRow): Promise<number> {
  return expectRegistered(await store.definitions.register(newVersion(dagId, { schedule }))).dagKey;
}

function moveOf(dagKey: number, from: number, changes: Partial<ScheduleMove> = {}): ScheduleMove {
  return { dagKey, from, to: from + hour, lookAt: null, backlogEnd: null, dropped: [], ...changes };
}

async function dueIds(store: Store, limit = 10): Promise<readonly string[]> {
  return (await store.definitions.listDueSchedules(limit)).map(({ dagId }) => dagId);
}

async function eventsOf(store: Store, type: string): Promise<readonly unknown[]> {
  const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
  await store.events.publish(lease?.epoch ?? 0, 1000);
  const events = await store.events.readAfter({ afterId: 0, limit: 1000, filter: {} });
  return events.filter(({ eventType }) => eventType === type).map(({ dagId, data }) => ({ dagId, data }));
}

/** A run of one task that has ended, or goes on without an outcome. */
async function makeRun(
  store: Store,
  keys: { dagKey: number; versionKey: number },
  ending: "success" | "failed" | "active",
  runType: NewRun["runType"] = "scheduled",
): Promise<number> {
  const made = await store.runs.createRun(newRun(keys, { runType }));
  if (made.kind !== "created") throw new Error(`no run: ${made.kind}`);
  if (ending !== "active") await runTask(store, made.runKey, 0, ending === "success" ? success : failure());
  return made.runKey;
}

/** What every store does with schedules. */
export function describeSchedules(open: OpenHarness): void {
  describe("turns", () => {
    it("come by time, earliest first, unless paused", async () => {
      const { store } = await openForTest(open);
      const now = store.now();
      await register(store, "later", dailyAt(now - 1000));
      await register(store, "sooner", dailyAt(now - 2000));
      await register(store, "tomorrow", dailyAt(now + 24 * hour));
      await register(store, "never", dailyAt(null));
      await register(store, "paused", dailyAt(now - 3000));
      await store.definitions.setPaused("paused", true);

      const due = await store.definitions.listDueSchedules(10);
      expect(due).toMatchObject([
        { dagId: "sooner", dueAt: now - 2000, backlogEnd: null },
        { dagId: "later", dueAt: now - 1000, backlogEnd: null },
      ]);
      expect(await dueIds(store, 1)).toEqual(["sooner"]);
      expect(await store.definitions.nextScheduleInMs()).toBe(0);
    });

    it("come by the time to look where there is one: early slots wait behind late ones", async () => {
      const { store } = await openForTest(open);
      const epoch = await lead(store);
      const now = store.now();
      const many = await register(store, "many", dailyAt(now - 10 * hour));
      await register(store, "one", dailyAt(now - 2000));
      const waits = await register(store, "waits", dailyAt(now - 5000));

      const moves = [
        moveOf(many, now - 10 * hour, { to: now - 9 * hour, lookAt: now - 1000, backlogEnd: now - hour }),
        moveOf(waits, now - 5000, { to: now - 5000, lookAt: now + hour }),
      ];
      expect(await store.definitions.moveSchedules(moves, epoch)).toEqual(new Set([many, waits]));
      expect(await store.definitions.listDueSchedules(10)).toMatchObject([
        { dagId: "one", turnAt: now - 2000 },
        { dagId: "many", dueAt: now - 9 * hour, turnAt: now - 1000, backlogEnd: now - hour },
      ]);
    });

    it("come since the DAG was resumed where that was later", async () => {
      const { store } = await openForTest(open);
      const pausedAt = store.now();
      await register(store, "a", dailyAt(pausedAt - hour));
      await register(store, "b", dailyAt(pausedAt - hour));
      await store.definitions.setPaused("a", true);
      await store.definitions.setPaused("a", false);
      const [a, b] = await store.definitions.listDueSchedules(10);
      expect(a?.turnAt).toBeGreaterThan(pausedAt - 1000);
      expect(a).toMatchObject({ dagId: "a", dueAt: pausedAt - hour });
      expect(b).toMatchObject({ dagId: "b", turnAt: pausedAt - hour });
    });

    it("are told by the wait until the next", async () => {
      const { store } = await openForTest(open);
      expect(await store.definitions.nextScheduleInMs()).toBeNull();
      await register(store, "a", dailyAt(store.now() + hour));
      const wait = await store.definitions.nextScheduleInMs();
      expect(wait).toBeGreaterThan(hour - 60_000);
      expect(wait).toBeLessThanOrEqual(hour);
    });
  });

  describe("moves", () => {
    it("are made once, and only for the leader", async () => {
      const { store } = await openForTest(open);
      const epoch = await lead(store);
      const from = store.now() - 1000;
      const a = await register(store, "a", dailyAt(from));
      const b = await register(store, "b", dailyAt(from));
      const moves = [moveOf(a, from), moveOf(b, from + 1)];

      expect(await store.definitions.moveSchedules(moves, epoch + 1)).toEqual(new Set());
      expect(await store.definitions.moveSchedules(moves, epoch)).toEqual(new Set([a]));
      expect(await store.definitions.moveSchedules(moves, epoch)).toEqual(new Set());
      expect(await store.definitions.moveSchedules([], epoch)).toEqual(new Set());
      expect(await dueIds(store)).toEqual(["b"]);

      await store.definitions.moveSchedules(
        [moveOf(a, from + hour, { to: null }), moveOf(b, from, { to: null })],
        epoch,
      );
      expect(await store.definitions.nextScheduleInMs()).toBeNull();
    });

    it("record what was left out: events, the last of it and the sum", async () => {
      const { store } = await openForTest(open);
      const epoch = await lead(store);
      const from = Date.parse("2026-01-10T05:00:00Z");
      const to = from + 3 * hour;
      const dagKey = await register(store, "a", dailyAt(from));
      expect((await store.queries.getDag("a"))?.droppedSlots).toBeNull();

      const missed = { from, to, count: 4, reason: "missed" } as const;
      const skipped = { from: to + hour, to: to + hour, count: 1, reason: "overlap" } as const;
      const next = to + 2 * hour;
      await store.definitions.moveSchedules([moveOf(dagKey, from, { to: next, dropped: [missed, skipped] })], epoch);
      await store.definitions.moveSchedules([moveOf(dagKey, next, { to: next + hour })], epoch);
      await store.definitions.moveSchedules([moveOf(dagKey, 0, { dropped: [missed] })], epoch);

      const dropped = (await store.queries.getDag("a"))?.droppedSlots;
      expect(dropped).toMatchObject({ ...skipped, totalCount: 5 });
      expect(Math.abs((dropped?.at ?? 0) - store.now())).toBeLessThan(60_000);
      expect(await eventsOf(store, "dag.slots_dropped")).toEqual([
        {
          dagId: "a",
          data: { from: "2026-01-10T05:00:00.000Z", to: "2026-01-10T08:00:00.000Z", count: 4, reason: "missed" },
        },
        {
          dagId: "a",
          data: { from: "2026-01-10T09:00:00.000Z", to: "2026-01-10T09:00:00.000Z", count: 1, reason: "overlap" },
        },
      ]);
    });
  });

  describe("a registration", () => {
    it("begins at the first slot without a schedule before, and at the next one in place of another", async () => {
      const { store } = await openForTest(open);
      const now = store.now();
      const row = { ...dailyAt(now - 1000), firstAt: now - 2000 };
      await store.definitions.register(newVersion("a", { hash: "1", schedule: row }));
      expect(await store.definitions.listDueSchedules(10)).toMatchObject([{ dueAt: now - 2000 }]);

      await store.definitions.register(newVersion("a", { hash: "2", schedule: { ...row, rule: "other" } }));
      expect(await store.definitions.listDueSchedules(10)).toMatchObject([{ dueAt: now - 1000 }]);
    });

    it("keeps a slot that is due, what waits and when to look while the schedule stays the same", async () => {
      const { store } = await openForTest(open);
      const epoch = await lead(store);
      const dueAt = store.now() - 1000;
      const dagKey = await register(store, "a", dailyAt(dueAt));
      const waiting = { to: dueAt, lookAt: dueAt, backlogEnd: dueAt };
      await store.definitions.moveSchedules([moveOf(dagKey, dueAt, waiting)], epoch);

      await store.definitions.register(newVersion("a", { hash: "2", schedule: dailyAt(dueAt + 24 * hour) }));
      expect(await store.definitions.listDueSchedules(10)).toMatchObject([{ dagId: "a", dueAt, backlogEnd: dueAt }]);

      await store.definitions.register(newVersion("a", { hash: "3", schedule: dailyAt(dueAt, "@hourly") }));
      expect(await store.definitions.listDueSchedules(10)).toMatchObject([{ dagId: "a", dueAt, backlogEnd: null }]);

      await store.definitions.register(newVersion("a", { hash: "4", schedule: null }));
      expect(await store.definitions.nextScheduleInMs()).toBeNull();
    });
  });

  describe("runs that go on", () => {
    it("are those without an end, oldest first, without backfills", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const other = await registerDag(store, "b", { tasks: [{ id: "only" }] });
      await makeRun(store, keys, "success");
      const first = await makeRun(store, keys, "active");
      await makeRun(store, keys, "active", "backfill");
      const second = await makeRun(store, keys, "active", "manual");
      await makeRun(store, other, "active");

      expect(await store.definitions.listActiveRuns(keys.dagKey, 10)).toEqual([first, second]);
      expect(await store.definitions.listActiveRuns(keys.dagKey, 1)).toEqual([first]);
    });
  });

  describe("failures in a row", () => {
    it("pause the DAG when so many of the last scheduled runs failed", async () => {
      const { store } = await openForTest(open);
      const epoch = await lead(store);
      const keys = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const pause = (count: number, as = epoch): Promise<boolean> =>
        store.definitions.pauseAfterFailures({ dagKey: keys.dagKey, count, epoch: as });
      await makeRun(store, keys, "failed");
      await makeRun(store, keys, "success");
      await makeRun(store, keys, "failed");
      await makeRun(store, keys, "success", "manual");
      await makeRun(store, keys, "active");
      expect(await pause(2)).toBe(false);
      await makeRun(store, keys, "failed");

      expect(await pause(3)).toBe(false);
      expect(await pause(2, epoch + 1)).toBe(false);
      expect(await pause(2)).toBe(true);
      expect(await pause(2)).toBe(false);
      expect((await store.definitions.getActive("a"))?.isPaused).toBe(true);
      expect(await eventsOf(store, "dag.paused")).toEqual([{ dagId: "a", data: { is_paused: true, failed_runs: 2 } }]);
    });

    it("are counted anew after the DAG was resumed", async () => {
      const { store } = await openForTest(open);
      const epoch = await lead(store);
      const keys = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const pause = (): Promise<boolean> =>
        store.definitions.pauseAfterFailures({ dagKey: keys.dagKey, count: 1, epoch });
      await makeRun(store, keys, "failed");
      expect(await pause()).toBe(true);

      await store.definitions.setPaused("a", false);
      expect(await pause()).toBe(false);
      await expect.poll(() => store.now()).toBeGreaterThan(store.now());
      await makeRun(store, keys, "failed");
      expect(await pause()).toBe(true);
    });
  });
}
