import { describe, expect, it } from "vitest";
import type { Store } from "#ports/store.ts";
import { newVersion, registerDag } from "./dag-builder.ts";
import { newRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const firstPage = { limit: 10, cursor: null, sort: null };

async function push(store: Store, dagId: string, hash: string) {
  const given = { filePath: null, source: "api" as const, hash, text: `text ${hash}`, definition: { hash } };
  return store.definitions.register(newVersion(dagId, given));
}

/** What every store keeps of what definitions were, and how one leaves force by a call. */
export function describeVersions(open: OpenHarness): void {
  describe("the versions of a DAG", () => {
    it("are listed newest first, page by page, and only its own", async () => {
      const { store } = await openForTest(open);
      const before = store.now();
      await store.definitions.register(newVersion("a", { hash: "1" }));
      await store.definitions.archiveFile("a.yaml");
      for (const hash of ["2", "3"]) await push(store, "a", hash);
      await push(store, "b", "4");

      const first = await store.queries.listVersions({ ...firstPage, limit: 2 }, "a");
      expect(first).toMatchObject({
        items: [
          { dagId: "a", version: 3, isActive: true, source: "api", filePath: null, hash: "3" },
          { dagId: "a", version: 2, isActive: false },
        ],
        totalCount: 3,
      });
      const { items, nextCursor } = await store.queries.listVersions({ ...firstPage, cursor: first.nextCursor }, "a");
      expect(items).toMatchObject([{ version: 1, source: "file", filePath: "a.yaml", hash: "1" }]);
      expect(items[0]?.registeredAt).toBeGreaterThanOrEqual(Math.floor(before));
      expect(nextCursor).toBeNull();
    });

    it("are read with text and definition, also when they are no longer in force", async () => {
      const { store } = await openForTest(open);
      for (const hash of ["1", "2"]) await push(store, "a", hash);
      await store.definitions.archiveDag("a", null);
      const read = await store.queries.readVersion("a", 1);
      expect(read).toMatchObject({ version: 1, isActive: false, text: "text 1", definition: { hash: "1" } });
      expect(await store.queries.readVersion("a", 2)).toMatchObject({ isActive: false });
    });

    it("are none of a DAG that is not known", async () => {
      const { store } = await openForTest(open);
      expect(await store.queries.listVersions(firstPage, "a")).toEqual({ items: [], nextCursor: null, totalCount: 0 });
      expect(await store.queries.readVersion("a", 1)).toBeNull();
    });
  });

  describe("archiving a DAG", () => {
    it("takes it out of force once, with its schedule, and marks its runs in progress", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const run = newRun(keys);
      await store.runs.createRun(run);

      expect(await store.definitions.archiveDag("a", "a.yaml")).toEqual({ kind: "archived", changed: true });
      expect(await store.definitions.archiveDag("a", null)).toEqual({ kind: "archived", changed: false });

      expect(await store.definitions.getActive("a")).toMatchObject({ isActive: false, version: 1 });
      expect(await store.queries.getRun(run.runId)).toMatchObject({ isOrphaned: true });
      expect(await store.definitions.listKnownFiles()).toEqual([]);
    });

    it("leaves one with another file alone and names the file", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("a"));
      for (const goneFile of [null, "b.yaml"]) {
        expect(await store.definitions.archiveDag("a", goneFile)).toEqual({ kind: "has_file", filePath: "a.yaml" });
      }
      expect(await store.definitions.getActive("a")).toMatchObject({ isActive: true });
      expect(await store.definitions.archiveDag("nobody", null)).toEqual({ kind: "unknown" });
    });

    it("frees its file's import error, and the same push brings its version back", async () => {
      const { store } = await openForTest(open);
      await push(store, "a", "1");
      await store.definitions.archiveDag("a", null);
      expect(await push(store, "a", "1")).toMatchObject({ version: 1, changed: true });
      await store.definitions.register(newVersion("b"));
      await store.definitions.recordImportError("b.yaml", "bad", []);
      await store.definitions.archiveDag("b", "b.yaml");
      expect(await store.definitions.listKnownFiles()).toEqual([]);
    });

    it("tells of it by one event", async () => {
      const { store } = await openForTest(open);
      await push(store, "a", "1");
      for (const _ of [1, 2]) await store.definitions.archiveDag("a", null);
      const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
      await store.events.publish(lease?.epoch ?? 0, 100);
      const events = await store.events.readAfter({ afterId: 0, limit: 100, filter: {} });
      expect(events.map(({ eventType, data }) => [eventType, data])).toEqual([
        ["dag.updated", { version: 1, file_path: null }],
        ["dag.archived", { file_path: null }],
      ]);
    });
  });
}
