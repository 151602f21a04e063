import { expect, it } from "vitest";
import type { ArtifactFilter, NewArtifact } from "#ports/artifact-catalog.ts";
import type { Store } from "#ports/store.ts";
import { startRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

function artifactOf(runKey: number, change: Partial<NewArtifact> = {}): NewArtifact {
  const attempt = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
  const content = { sizeBytes: 3, sha256: "00ff", mediaType: "text/plain", location: "1/a" };
  return { ...attempt, name: "report.txt", ...content, ...change };
}

async function listed(store: Store, filter: Partial<ArtifactFilter> & { runId: string }, limit = 100) {
  const whole = { taskId: null, mapIndex: null, name: null, attempts: "newest" as const, ...filter };
  const { items } = await store.artifacts.list({ limit, cursor: null, sort: null }, whole);
  return items.map(({ taskId, tryNumber, name }) => `${taskId} ${tryNumber} ${name}`);
}

/** What every index of artifacts does. */
export function describeArtifacts(open: OpenHarness): void {
  it("keeps one row for each attempt and name, and answers where the one before was", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    expect(await store.artifacts.add(artifactOf(runKey))).toBeNull();
    expect(await store.artifacts.add(artifactOf(runKey, { location: "1/b", sizeBytes: 9 }))).toBe("1/a");
    const filter = { runId, taskId: null, mapIndex: null, name: null, attempts: "all" as const };
    const { items, totalCount } = await store.artifacts.list({ limit: 10, cursor: null, sort: null }, filter);
    expect(totalCount).toBe(1);
    expect(items[0]).toEqual({
      ...{ artifactKey: items[0]?.artifactKey, runId, taskId: "a", mapIndex: null, itemKey: null },
      ...{ generation: 1, tryNumber: 1, name: "report.txt", sizeBytes: 9, sha256: "00ff" },
      ...{ mediaType: "text/plain", location: "1/b", at: items[0]?.at },
    });
  });

  it("lists the newest attempt that left files, unless all are asked for", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b" }]);
    await store.artifacts.add(artifactOf(runKey, { name: "old" }));
    await store.artifacts.add(artifactOf(runKey, { name: "Z", tryNumber: 2 }));
    await store.artifacts.add(artifactOf(runKey, { name: "a", tryNumber: 2 }));
    await store.artifacts.add(artifactOf(runKey, { name: "ü", ordinal: 1 }));
    await store.artifacts.add(artifactOf(runKey, { name: "of another life", ordinal: 1, generation: 2 }));
    expect(await listed(store, { runId })).toEqual(["a 2 Z", "a 2 a", "b 1 ü"]);
    expect(await listed(store, { runId, attempts: "all" })).toEqual([
      "a 2 Z",
      "a 2 a",
      "a 1 old",
      "b 1 of another life",
      "b 1 ü",
    ]);
    expect(await listed(store, { runId, taskId: "b" })).toEqual(["b 1 ü"]);
    expect(await listed(store, { runId, name: "a" })).toEqual(["a 2 a"]);
    expect(await listed(store, { runId, attempts: 1 })).toEqual(["a 1 old", "b 1 ü"]);
    expect(await listed(store, { runId, mapIndex: 0 })).toEqual([]);
    expect(await listed(store, { runId: "none" })).toEqual([]);
  });

  it("lists by pages", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    for (const name of ["c", "a", "b"]) await store.artifacts.add(artifactOf(runKey, { name }));
    const filter = { runId, taskId: null, mapIndex: null, name: null, attempts: "newest" as const };
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await store.artifacts.list({ limit: 2, cursor, sort: null }, filter);
      names.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(names).toEqual(["a", "b", "c"]);
  });
}
