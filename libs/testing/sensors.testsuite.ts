import { describe, expect, it } from "vitest";
import type { NewRun } from "#ports/new-run.ts";
import type { SensorFiring } from "#ports/sensor-firing.ts";
import type { PollRecord, SensorRow } from "#ports/sensor-store.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import { publishAll } from "./events.testsuite.ts";
import { newRun, runTask, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const firstPage = { limit: 10, cursor: null, sort: null };
const noFilter = { dagId: null, type: null, hasError: null };
const pace = { factor: 1, quietCount: 0, failureCount: 0 };
const tasks = [{ id: "only" }];
const nobody = { keys: [], types: [] };

function sensor(id: string, source = "a"): object {
  return { id, type: "file", source };
}

interface Opened {
  readonly store: Store;
  readonly epoch: number;
  readonly register: (sensors: readonly object[], dagId?: string) => Promise<{ dagKey: number; versionKey: number }>;
  readonly due: () => Promise<readonly SensorRow[]>;
}

async function openSensors(open: OpenHarness): Promise<Opened> {
  const { store } = await openForTest(open);
  const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 60_000 });
  return {
    store,
    epoch: lease?.epoch ?? 0,
    register: (sensors, dagId = "etl") =>
      registerDag(store, dagId, { tasks, sensors } as Parameters<typeof registerDag>[2]),
    due: () => store.sensors.listDue({ limit: 10, without: nobody }),
  };
}

function recordOf({ sensorKey, stateVersion }: SensorRow, changes: Partial<PollRecord> = {}): PollRecord {
  const times = { startedAt: Date.now() + 60_000, nextAt: Date.now() + 3_600_000 };
  return { sensorKey, stateVersion, patch: null, events: [], pace, error: null, ...times, ...changes };
}

function patchOf(put: Record<string, unknown>, drop: readonly string[] = []): SensorFiring["patch"] {
  return { put: new Map(Object.entries(put)), drop };
}

/** Gives a sensor its baseline; answers its row as the next look has it. */
async function withBaseline({ store, epoch, due }: Opened, put: Record<string, unknown> = {}): Promise<SensorRow> {
  const [row] = await due();
  if (row === undefined) throw new Error("nothing is due");
  const written = await store.sensors.record(recordOf(row, { patch: patchOf(put), nextAt: 0 }), epoch);
  const [after] = await due();
  if (!written || after === undefined) throw new Error("no baseline");
  return after;
}

function fireWith(row: SensorRow, changes: Partial<NewRun> = {}, firing: Partial<SensorFiring> = {}): NewRun {
  const { sensorKey, stateVersion, dagKey, versionKey } = row;
  const event = { subject: "a.csv", data: { path: "a.csv" } };
  const runType = "sensor" as const;
  const fired = { sensorKey, stateVersion, patch: patchOf({ "a.csv": { size: 1 } }), event, ...firing };
  return newRun({ dagKey, versionKey }, { runType, firing: fired, ...changes });
}

/** The contract of sensors, and of runs that come with an event. */
export function describeSensors(open: OpenHarness): void {
  describe("sensors of a definition", () => {
    it("are there with it, due at once, and listed by definition and id", async () => {
      const { store, register, due } = await openSensors(open);
      const { versionKey } = await register([sensor("b"), sensor("a")]);
      await register([{ ...sensor("c"), type: "http" }], "other");
      const { items, totalCount } = await store.sensors.list(firstPage, noFilter);
      expect(items.map(({ dagId, sensorId }) => `${dagId}/${sensorId}`)).toEqual(["etl/a", "etl/b", "other/c"]);
      expect(totalCount).toBe(3);
      expect(items[0]).toMatchObject({
        hasBaseline: false,
        isPaused: false,
        error: "",
        itemCount: 0,
        lastPolledAt: null,
      });
      expect((await due())[0]).toMatchObject({
        sensorId: "b",
        versionKey,
        definition: sensor("b"),
        stateVersion: 0,
        ...pace,
      });
      expect((await store.sensors.list(firstPage, { ...noFilter, type: "http" })).items).toHaveLength(1);
      expect((await store.sensors.list(firstPage, { ...noFilter, dagId: "etl" })).items).toHaveLength(2);
      expect(await store.sensors.get("etl", "c")).toBeNull();
    });

    it("keep what they remember while their source stays the same, and begin anew with another", async () => {
      const opened = await openSensors(open);
      const { store, register } = opened;
      await register([sensor("a")]);
      const { sensorKey, stateVersion } = await withBaseline(opened, { x: [1], none: null });
      await register([{ ...sensor("a"), pollIntervalMs: 5 }]);
      const items = new Map<string, unknown>([
        ["x", [1]],
        ["none", null],
      ]);
      expect(await store.sensors.readState(sensorKey)).toEqual({ stateVersion, items });
      expect(await store.sensors.get("etl", "a")).toMatchObject({
        hasBaseline: true,
        itemCount: 2,
        definition: { pollIntervalMs: 5 },
      });
      await register([sensor("a", "elsewhere")]);
      expect(await store.sensors.readState(sensorKey)).toEqual({ stateVersion: stateVersion + 1, items: new Map() });
      expect(await store.sensors.get("etl", "a")).toMatchObject({ hasBaseline: false });
      await register([]);
      expect(await store.sensors.get("etl", "a")).toBeNull();
      expect(await store.sensors.readState(sensorKey)).toBeNull();
    });

    it("rest while they, or their definition, are paused or out of force", async () => {
      const { store, register, due } = await openSensors(open);
      await register([sensor("a")]);
      const nothing = async (): Promise<void> => {
        expect(await due()).toEqual([]);
        expect(await store.sensors.nextDueInMs(nobody)).toBeNull();
      };
      expect(await store.sensors.setPaused("etl", "a", true)).toBe(true);
      expect(await store.sensors.setPaused("etl", "b", true)).toBe(false);
      await nothing();
      await store.sensors.setPaused("etl", "a", false);
      expect(await due()).toHaveLength(1);
      await store.definitions.setPaused("etl", true);
      await nothing();
      expect(await store.sensors.get("etl", "a")).toMatchObject({ isPaused: false, isDagPaused: true });
      await store.definitions.setPaused("etl", false);
      expect(await store.sensors.nextDueInMs(nobody)).toBe(0);
      await store.definitions.archiveFile("etl.yaml");
      await nothing();
      expect((await store.sensors.list(firstPage, noFilter)).items).toEqual([]);
      expect(await store.sensors.requestPoll("etl", "a")).toBe(false);
    });
  });

  describe("a look", () => {
    it("that is written moves the next one on; one that was asked for meanwhile goes ahead", async () => {
      const { store, epoch, register, due } = await openSensors(open);
      await register([sensor("a")]);
      const [row] = await due();
      if (row === undefined) throw new Error("nothing is due");
      expect(await store.sensors.listDue({ limit: 10, without: { keys: [row.sensorKey], types: [] } })).toEqual([]);
      expect(await store.sensors.listDue({ limit: 10, without: { keys: [], types: ["file"] } })).toEqual([]);
      expect(await store.sensors.nextDueInMs({ keys: [], types: ["file"] })).toBeNull();
      expect(
        await store.sensors.record(recordOf(row, { pace: { factor: 4, quietCount: 9, failureCount: 2 } }), epoch),
      ).toBe(true);
      expect(await due()).toEqual([]);
      expect(await store.sensors.nextDueInMs(nobody)).toBeGreaterThan(3_000_000);
      expect(await store.sensors.requestPoll("etl", "a")).toBe(true);
      expect(await due()).toMatchObject([{ factor: 4, quietCount: 9, failureCount: 2, hasBaseline: false }]);
      await store.sensors.record(recordOf(row, { startedAt: 0 }), epoch);
      expect(await due()).toHaveLength(1);
    });

    it("with an old state or by an ex-leader changes nothing", async () => {
      const opened = await openSensors(open);
      const { store, epoch, register } = opened;
      await register([sensor("a")]);
      const row = await withBaseline(opened);
      const old = { ...row, stateVersion: row.stateVersion - 1 };
      expect(await store.sensors.record(recordOf(old, { patch: patchOf({ x: 1 }), error: "no" }), epoch)).toBe(false);
      expect(await store.sensors.record(recordOf(row, { patch: patchOf({ x: 1 }) }), epoch + 1)).toBe(false);
      expect(await store.sensors.get("etl", "a")).toMatchObject({ error: "", itemCount: 0 });
      expect(await opened.due()).toHaveLength(1);
    });

    it("that fails shows why and since when, and publishes it once", async () => {
      const { store, epoch, register, due } = await openSensors(open);
      await register([sensor("a"), sensor("b")]);
      const [row] = await due();
      if (row === undefined) throw new Error("nothing is due");
      const failed = recordOf(row, { error: "there is no folder /x", nextAt: 0 });
      await store.sensors.record(failed, epoch);
      const first = await store.sensors.get("etl", "a");
      await store.sensors.record({ ...failed, error: "still none" }, epoch);
      expect(await store.sensors.get("etl", "a")).toMatchObject({ error: "still none", errorSince: first?.errorSince });
      expect(first?.errorSince).not.toBeNull();
      expect((await store.sensors.list(firstPage, { ...noFilter, hasError: true })).items).toHaveLength(1);
      expect(await eventTypes(store, "sensor")).toEqual(["sensor.failed"]);
      await store.sensors.record({ ...failed, error: null }, epoch);
      expect(await store.sensors.get("etl", "a")).toMatchObject({ error: "", errorSince: null });
    });

    it("puts and drops what it remembers, and keeps events that make no run", async () => {
      const opened = await openSensors(open);
      const { store, epoch, register } = opened;
      await register([sensor("a")]);
      const row = await withBaseline(opened, { x: 1, y: { deep: [null, "é"] } });
      const events = [{ subject: "s", data: { k: 1 }, reason: "skipped" }];
      await store.sensors.record(recordOf(row, { patch: patchOf({ x: 2, z: "" }, ["y", "none"]), events }), epoch);
      const { items } = (await store.sensors.readState(row.sensorKey)) ?? {};
      expect(items).toEqual(new Map(Object.entries({ x: 2, z: "" })));
      expect((await store.sensors.listEvents(firstPage, { dagId: "etl", sensorId: "a" })).items).toMatchObject([
        { subject: "s", data: { k: 1 }, reason: "skipped", runId: null },
      ]);
    });
  });

  describe("an event", () => {
    it("comes with its run, its place in the log, and what the sensor remembers", async () => {
      const opened = await openSensors(open);
      const { store, epoch, register } = opened;
      await register([sensor("a")]);
      const row = await withBaseline(opened, { "old.csv": {} });
      const run = fireWith(row, { leaderEpoch: epoch }, { patch: patchOf({ "a.csv": { size: 1 } }, ["old.csv"]) });
      expect(await store.runs.createRun(run)).toMatchObject({ kind: "created" });
      expect(await store.sensors.readState(row.sensorKey)).toEqual({
        stateVersion: row.stateVersion + 1,
        items: new Map([["a.csv", { size: 1 }]]),
      });
      const { items } = await store.sensors.listEvents(firstPage, { dagId: "etl", sensorId: "a" });
      expect(items).toMatchObject([{ subject: "a.csv", data: { path: "a.csv" }, runId: run.runId, reason: "" }]);
      expect((await store.sensors.get("etl", "a"))?.lastEventAt).not.toBeNull();
      expect(await eventTypes(store, "sensor")).toEqual(["sensor.event"]);
    });

    it("fires once: a repeat, an old state, an ex-leader and a taken date leave nothing", async () => {
      const opened = await openSensors(open);
      const { store, epoch, register } = opened;
      await register([sensor("a")]);
      const row = await withBaseline(opened);
      const first = fireWith(row, { leaderEpoch: epoch });
      await store.runs.createRun(first);
      const state = await store.sensors.readState(row.sensorKey);
      const next = { ...row, stateVersion: row.stateVersion + 1 };
      const refused = [
        fireWith(row, { leaderEpoch: epoch }),
        fireWith(next, { leaderEpoch: epoch + 1 }),
        fireWith(next, { leaderEpoch: epoch, logicalAt: first.logicalAt }),
      ];
      const kinds = [];
      for (const run of refused) kinds.push((await store.runs.createRun(run)).kind);
      expect(kinds).toEqual(["not_leader", "not_leader", "exists"]);
      expect(await store.sensors.readState(row.sensorKey)).toEqual(state);
      expect((await store.queries.listRuns(firstPage, { dagId: "etl", states: [] })).items).toHaveLength(1);
      expect(await eventTypes(store, "sensor")).toEqual(["sensor.event"]);
    });

    it("fires once, whoever sees it at the same time", async () => {
      const opened = await openSensors(open);
      const { store, epoch, register } = opened;
      await register([sensor("a")]);
      const row = await withBaseline(opened);
      const results = await Promise.all(
        Array.from({ length: 5 }, () => store.runs.createRun(fireWith(row, { leaderEpoch: epoch }))),
      );
      expect(results.filter(({ kind }) => kind === "created")).toHaveLength(1);
      expect((await store.sensors.listEvents(firstPage, { dagId: "etl", sensorId: "a" })).items).toHaveLength(1);
    });

    it("goes when it is old", async () => {
      const opened = await openSensors(open);
      const { store, epoch, register } = opened;
      await register([sensor("a")]);
      const row = await withBaseline(opened);
      await store.runs.createRun(fireWith(row, { leaderEpoch: epoch }));
      expect(await store.sensors.dropEvents({ before: store.now() - 60_000, limit: 10 })).toBe(0);
      expect(await store.sensors.dropEvents({ before: store.now() + 60_000, limit: 10 })).toBe(1);
      expect((await store.sensors.listEvents(firstPage, { dagId: "etl", sensorId: "a" })).items).toEqual([]);
    });
  });

  it("runs of another definition that ended are found once, oldest end first", async () => {
    const opened = await openSensors(open);
    const { store, epoch, register } = opened;
    await register([sensor("a")]);
    const row = await withBaseline(opened);
    const keys = await registerDag(store, "upstream", { tasks });
    const make = async (): Promise<string> => {
      const made = await store.runs.createRun(newRun(keys));
      if (made.kind !== "created") throw new Error(made.kind);
      await runTask(store, made.runKey, 0, success);
      return made.runId;
    };
    const ids = [await make(), await make()];
    await store.runs.createRun(newRun(keys));
    const all = {
      sensorKey: row.sensorKey,
      dagId: "upstream",
      states: ["success"],
      from: 0,
      to: store.now() + 60_000,
      limit: 9,
    } as const;
    const found = async (changes: object = {}) =>
      (await store.sensors.listEndedRuns({ ...all, ...changes })).map(({ runId }) => runId);
    expect(await found()).toEqual(ids);
    expect(await found({ limit: 1 })).toEqual(ids.slice(0, 1));
    expect(await found({ states: ["failed"] })).toEqual([]);
    expect(await found({ dagId: "etl" })).toEqual([]);
    expect(await found({ to: 5 })).toEqual([]);
    const event = { subject: ids[0] ?? "", data: {} };
    await store.runs.createRun(fireWith(row, { leaderEpoch: epoch }, { event }));
    expect(await found()).toEqual(ids.slice(1));
  });
}

async function eventTypes(store: Store, resourceType: string): Promise<readonly string[]> {
  const lease = await store.leases.acquire({ name: "relay", holder: "me", ttlMs: 60_000 });
  await publishAll(store, lease?.epoch ?? 0, 1000);
  const events = await store.events.readAfter({ afterId: 0, limit: 1000, filter: { resourceType } });
  return events.map(({ eventType }) => eventType);
}
