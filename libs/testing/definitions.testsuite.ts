import { describe, expect, it } from "vitest";
import type { StoredProblem } from "#ports/stored-problem.ts";
import type { ScheduleRow } from "#ports/schedule-store.ts";
import type { Store } from "#ports/store.ts";
import { expectRegistered, newVersion, registerDag } from "./dag-builder.ts";
import { change, newRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const hour = 3_600_000;

const problem: StoredProblem = {
  file: "a.yaml",
  line: 1,
  column: 2,
  code: "CYCLE",
  message: "a → a",
  hint: "",
  warning: false,
};

function dailyAt(nextAt: number | null, text = "@daily"): ScheduleRow {
  return { text, timezone: "UTC", rule: text, firstAt: nextAt, nextAt };
}

/** What every definition store does. */
export function describeDefinitions(open: OpenHarness): void {
  describe("registering", () => {
    it("puts a first version in force, and a second one when the text changes", async () => {
      const { store } = await openForTest(open);
      const first = expectRegistered(
        await store.definitions.register(newVersion("a", { hash: "1", definition: { n: 1 } })),
      );
      const second = expectRegistered(
        await store.definitions.register(newVersion("a", { hash: "2", definition: { n: 2 } })),
      );

      expect([first.version, second.version]).toEqual([1, 2]);
      expect(second.dagKey).toBe(first.dagKey);
      const active = await store.definitions.getActive("a");
      expect(active).toMatchObject({ dagId: "a", version: 2, isActive: true, isPaused: false, definition: { n: 2 } });
      expect(await store.definitions.getVersion(active?.versionKey ?? 0)).toEqual({
        dagId: "a",
        version: 2,
        filePath: "a.yaml",
        definition: { n: 2 },
      });
    });

    it("changes nothing when the same text comes again", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("a"));
      const eventCount = (await allEvents(store)).length;
      const again = expectRegistered(await store.definitions.register(newVersion("a")));
      expect(again).toMatchObject({ version: 1, changed: false });
      expect((await allEvents(store)).length).toBe(eventCount);
    });

    it("leaves the first of two files with one id in force and names it", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("a", { filePath: "one.yaml", hash: "1" }));
      expect(await store.definitions.register(newVersion("a", { filePath: "two.yaml", hash: "2" }))).toEqual({
        kind: "taken",
        filePath: "one.yaml",
      });
      expect(await store.definitions.register(newVersion("a", { filePath: null, source: "api", hash: "3" }))).toEqual({
        kind: "taken",
        filePath: "one.yaml",
      });
      expect(await store.definitions.getActive("a")).toMatchObject({ version: 1 });
    });

    it("lets one of two registrations of an id at once win", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const results = await Promise.all([
        store.definitions.register(newVersion("a", { filePath: "one.yaml" })),
        other.definitions.register(newVersion("a", { filePath: "two.yaml" })),
      ]);
      expect(results.map((result) => result.kind).toSorted()).toEqual(["registered", "taken"]);
    });

    it("archives the file's former DAG when its id changes", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("old", { filePath: "f.yaml" }));
      await store.definitions.register(newVersion("new", { filePath: "f.yaml", hash: "2" }));
      expect(await store.definitions.getActive("old")).toMatchObject({ isActive: false });
      expect(await store.definitions.getActive("new")).toMatchObject({ isActive: true });
    });

    it("knows nothing of ids that were never registered", async () => {
      const { store } = await openForTest(open);
      expect(await store.definitions.getActive("nobody")).toBeNull();
      expect(await store.definitions.getVersion(1)).toBeNull();
      expect(await store.definitions.setPaused("nobody", true)).toBe(false);
    });
  });

  describe("archiving a file", () => {
    it("takes its DAG out of force, frees the id, and keeps what was", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(
        newVersion("a", { filePath: "one.yaml", schedule: dailyAt(store.now() - hour) }),
      );
      await store.definitions.archiveFile("one.yaml");

      expect(await store.definitions.getActive("a")).toMatchObject({ isActive: false, version: 1 });
      expect(await store.definitions.listDueSchedules(10)).toEqual([]);
      const moved = expectRegistered(await store.definitions.register(newVersion("a", { filePath: "two.yaml" })));
      expect(moved).toMatchObject({ version: 2, changed: true });
    });

    it("puts the same version in force again when the file comes back as it was", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("a"));
      await store.definitions.archiveFile("a.yaml");
      expect(await store.definitions.register(newVersion("a"))).toMatchObject({ version: 1, changed: true });
      expect(await store.definitions.getActive("a")).toMatchObject({ isActive: true });
    });

    it("marks runs in progress as orphaned, and no others", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const ended = newRun(keys);
      const going = newRun(keys);
      const first = await store.runs.createRun(ended);
      await store.runs.createRun(going);
      if (first.kind === "created") await change(store, first.runKey, [{ kind: "cancel", reason: "test" }]);
      await store.definitions.archiveFile("a.yaml");
      expect(await store.queries.getRun(ended.runId)).toMatchObject({ isOrphaned: false });
      expect(await store.queries.getRun(going.runId)).toMatchObject({ isOrphaned: true });
    });
  });

  describe("import errors", () => {
    it("stand beside the version in force until the file is right again", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("a", { hash: "good" }));
      await store.definitions.recordImportError("a.yaml", "bad", [problem]);
      await store.definitions.recordImportError("b.yaml", "worse", [problem]);
      expect(await store.definitions.listKnownFiles()).toEqual([
        { filePath: "a.yaml", hash: "bad", dagId: "a", isActive: true },
        { filePath: "b.yaml", hash: "worse", dagId: null, isActive: false },
      ]);
      await store.definitions.register(newVersion("a", { hash: "better" }));
      await store.definitions.clearImportError("b.yaml");
      expect(await store.definitions.listKnownFiles()).toEqual([
        { filePath: "a.yaml", hash: "better", dagId: "a", isActive: true },
      ]);
    });

    it("keep their time and make no event while they stay the same", async () => {
      const { store } = await openForTest(open);
      const page = { limit: 10, cursor: null, sort: null };
      await store.definitions.recordImportError("a.yaml", "bad", [problem]);
      const [before] = (await store.queries.listImportErrors(page)).items;
      await store.definitions.recordImportError("a.yaml", "bad", [problem]);
      expect((await store.queries.listImportErrors(page)).items).toEqual([before]);
      expect((await allEvents(store)).filter((type) => type === "dag.validation_failed")).toHaveLength(1);
    });
  });

  it("tells of every change by an event", async () => {
    const { store } = await openForTest(open);
    await store.definitions.register(newVersion("a"));
    await store.definitions.setPaused("a", true);
    await store.definitions.setPaused("a", true);
    await store.definitions.recordImportError("a.yaml", "bad", [problem]);
    await store.definitions.archiveFile("a.yaml");
    expect(await allEvents(store)).toEqual(["dag.updated", "dag.paused", "dag.validation_failed", "dag.archived"]);
  });
}

async function allEvents(store: Store): Promise<readonly string[]> {
  const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
  await store.events.publish(lease?.epoch ?? 0, 1000);
  return (await store.events.readAfter({ afterId: 0, limit: 1000, filter: {} })).map((event) => event.eventType);
}
