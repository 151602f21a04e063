import { expect, it, vi } from "vitest";
import type { FailedFile, KeptKind } from "#ports/retention-store.ts";
import type { Store } from "#ports/store.ts";
import { change, claim, readInstances, runTask, startRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const whole = { afterKey: 0, limit: 100 };
const hourMs = 3_600_000;
const kinds: readonly KeptKind[] = ["outputs", "artifacts", "logs"];

function outputs(count: number) {
  return Array.from({ length: count }, (_, place) => ({ key: `k${place}`, json: String(place) }));
}

/** A run of one task that has ended and has left three rows of each kind; of a second task nothing. */
async function endedRun(store: Store): Promise<{ runKey: number; runId: string }> {
  const run = await startRun(store, [{ id: "a" }]);
  await runTask(store, run.runKey, 0, { kind: "success", outputs: outputs(3) });
  await leaveFiles(store, run.runKey);
  return run;
}

async function leaveFiles(store: Store, runKey: number): Promise<void> {
  for (const tryNumber of [1, 2, 3]) {
    const attempt = { runKey, ordinal: 0, generation: 1, tryNumber };
    const content = { sizeBytes: 3, sha256: "00ff", mediaType: "text/plain" };
    await store.artifacts.add({ ...attempt, name: "x", ...content, location: `${runKey}/${tryNumber}` });
    const entries = [{ at: 0, source: "stdout" as const, text: "line" }];
    await store.logs.append([{ ...attempt, sequence: 1, entries, droppedBytes: 0 }]);
  }
}

/** The store's clock must have passed the end of the run. */
async function untilAged(store: Store, kind: KeptKind, runKey: number): Promise<void> {
  await vi.waitFor(async () => {
    const { runKeys } = await store.retention.listAged({ kind, retentionMs: 1 }, whole);
    expect(runKeys).toContain(runKey);
  });
}

async function isListed(store: Store, kind: KeptKind, runKey: number, retentionMs = 1): Promise<boolean> {
  return (await store.retention.listAged({ kind, retentionMs }, whole)).runKeys.includes(runKey);
}

async function countKept(store: Store, runKey: number, runId: string): Promise<Record<KeptKind, number>> {
  const page = { limit: 100, cursor: null, sort: null };
  const files = { runId, taskId: null, mapIndex: null, name: null, attempts: "all" as const };
  const tries = [1, 2, 3].map((tryNumber) => ({ runKey, ordinal: 0, generation: 1, tryNumber }));
  const lines = await Promise.all(
    tries.map((attempt) => store.logs.read({ attempt, afterLine: 0, limit: 10 }).then(({ length }) => length)),
  );
  return {
    outputs: (await store.queries.listOutputs(runId, null)).length,
    artifacts: (await store.artifacts.list(page, files)).items.length,
    logs: lines.reduce((sum, count) => sum + count, 0),
  };
}

/** What every store does with what runs leave, when its time is over. */
export function describeRetention(open: OpenHarness): void {
  it.each(kinds)("removes the %s of a run that ended long enough ago, in batches, and says so", async (kind) => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await endedRun(store);
    await untilAged(store, kind, runKey);
    const aged = { kind, retentionMs: 1 };
    expect(await store.retention.remove(aged, { runKeys: [runKey], limit: 2 })).toBe(2);
    expect(await store.retention.remove(aged, { runKeys: [runKey], limit: 2 })).toBe(1);
    expect(await store.retention.remove(aged, { runKeys: [runKey], limit: 2 })).toBe(0);
    expect(await countKept(store, runKey, runId)).toEqual({ outputs: 3, artifacts: 3, logs: 3, [kind]: 0 });
    expect(await isListed(store, kind, runKey)).toBe(false);
    expect(await store.retention.listRemovals(runKey)).toEqual([
      { kind, retentionMs: 1, removedAt: expect.any(Number) },
    ]);
    const [instance] = await readInstances(store, runKey);
    const [removal] = await store.retention.listRemovals(runKey);
    expect(removal?.removedAt).toBeGreaterThanOrEqual(instance?.endedAt ?? Number.POSITIVE_INFINITY);
  });

  it.each(kinds)("keeps the %s of a run whose time is not over, or that goes on", async (kind) => {
    const { store } = await openForTest(open);
    const ended = await endedRun(store);
    const running = await startRun(store, [{ id: "a" }, { id: "b" }]);
    await runTask(store, running.runKey, 0, { kind: "success", outputs: outputs(3) });
    await leaveFiles(store, running.runKey);
    await untilAged(store, kind, ended.runKey);
    expect(await isListed(store, kind, ended.runKey, hourMs)).toBe(false);
    expect(await isListed(store, kind, running.runKey)).toBe(false);
    const runKeys = [ended.runKey, running.runKey];
    expect(await store.retention.remove({ kind, retentionMs: hourMs }, { runKeys, limit: 10 })).toBe(0);
    expect(await store.retention.remove({ kind, retentionMs: 1 }, { runKeys, limit: 10 })).toBe(3);
    expect(await countKept(store, running.runKey, running.runId)).toEqual({ outputs: 3, artifacts: 3, logs: 3 });
    expect(await store.retention.listRemovals(running.runKey)).toEqual([]);
  });

  it("keeps what a run left while it is rerun, also when it was chosen for removal before", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await endedRun(store);
    await untilAged(store, "artifacts", runKey);
    const author = { by: "test", note: "" };
    await change(store, runKey, [{ kind: "clear", ordinals: [0], includeDownstream: false, author }]);
    expect(await store.retention.remove({ kind: "artifacts", retentionMs: 1 }, { runKeys: [runKey], limit: 9 })).toBe(
      0,
    );
    expect(await isListed(store, "artifacts", runKey)).toBe(false);
  });

  it("keeps what a run left while a task that triggered it has not looked at its end", async () => {
    const { store } = await openForTest(open);
    const parent = await startRun(store, [{ id: "t", waits: { timeoutMs: null } }]);
    const wait = { runKey: parent.runKey, ordinal: 0, generation: 1, tryNumber: 1 };
    await store.waits.save({ ...wait, kind: "run", timeoutMs: null, depth: 1, details: {} });
    const child = await endedRun(store);
    await untilAged(store, "outputs", child.runKey);
    await store.waits.setChild(wait, child.runId);
    expect(await isListed(store, "outputs", child.runKey)).toBe(false);
    const batch = { runKeys: [child.runKey], limit: 9 };
    expect(await store.retention.remove({ kind: "outputs", retentionMs: 1 }, batch)).toBe(0);
    await store.waits.closeChild(wait);
    expect(await store.retention.remove({ kind: "outputs", retentionMs: 1 }, batch)).toBe(3);
  });

  it("gives a run that loses outputs another revision, which what was prepared for the one before is refused by", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await endedRun(store);
    const [before] = await store.runs.readFacts([runKey]);
    await untilAged(store, "outputs", runKey);
    await store.retention.remove({ kind: "outputs", retentionMs: 1 }, { runKeys: [runKey], limit: 9 });
    const target = { revision: before?.revision ?? -1, version: null, parameters: null };
    const author = { by: "test", note: "" };
    const answer = await change(store, runKey, [{ kind: "rerun", from: "all", target, author }]);
    expect(answer.kind).toBe("unchanged");
    await claimable(store, runKey);
  });

  it("walks through the runs by pages, up to the first that is too young", async () => {
    const { store } = await openForTest(open);
    const keys: number[] = [];
    for (let count = 0; count < 5; count += 1) keys.push((await endedRun(store)).runKey);
    await untilAged(store, "outputs", keys[4] ?? 0);
    const found: number[] = [];
    let afterKey: number | null = 0;
    let pages = 0;
    while (afterKey !== null) {
      const page: { runKeys: readonly number[]; nextKey: number | null } = await store.retention.listAged(
        { kind: "outputs", retentionMs: 1 },
        { afterKey, limit: 2 },
      );
      found.push(...page.runKeys);
      afterKey = page.nextKey;
      pages += 1;
    }
    expect([found, pages]).toEqual([keys, 3]);
    const young = await store.retention.listAged({ kind: "outputs", retentionMs: hourMs }, { afterKey: 0, limit: 2 });
    expect(young).toEqual({ runKeys: [], nextKey: null });
  });

  it("names the places of removed, replaced and never listed files until they are forgotten", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await endedRun(store);
    const attempt = { runKey, ordinal: 0, generation: 1, tryNumber: 1, name: "x" };
    const content = { sizeBytes: 3, sha256: "00ff", mediaType: "text/plain" };
    await store.artifacts.expect("new");
    await store.artifacts.expect("under way");
    await store.artifacts.add({ ...attempt, ...content, location: "new" });
    expect(await listUnlisted(store)).toEqual([`${runKey}/1`]);
    await untilAged(store, "artifacts", runKey);
    await store.retention.remove({ kind: "artifacts", retentionMs: 1 }, { runKeys: [runKey], limit: 9 });
    const places = [`${runKey}/1`, `${runKey}/2`, `${runKey}/3`, "new"];
    expect(await listUnlisted(store)).toEqual(places);
    expect(await store.retention.listUnlistedFiles(1)).toEqual([{ location: `${runKey}/1`, failureCount: 0 }]);
    await store.retention.forgetFiles([...places.slice(1), "under way"]);
    expect(await listUnlisted(store)).toEqual([`${runKey}/1`]);
    await store.retention.postponeFiles([]);
    const postponed = [`${runKey}/1`, "under way", "unknown"];
    await store.retention.postponeFiles(postponed.map((location) => failedFile(location, hourMs)));
    expect(await listUnlisted(store)).toEqual([]);
    await store.retention.forgetFiles([`${runKey}/1`]);
    await store.retention.postponeFiles(postponed.map((location) => failedFile(location, -hourMs)));
    expect(await listUnlisted(store)).toEqual([]);
  });

  it("tells files that no row knows from others, and notes only those for removal", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "a" }]);
    const place = (name: string): string => `${runKey}/0/1.1/${name}`;
    const listed = place("a");
    const noted = place("b");
    const unknown = place("c");
    const gone = place("d");
    const content = { sizeBytes: 3, sha256: "00ff", mediaType: "text/plain", location: listed };
    await store.artifacts.add({ runKey, ordinal: 0, generation: 1, tryNumber: 1, name: "x", ...content });
    await store.artifacts.expect(noted);
    const all = [listed, noted, unknown, gone];
    expect(await store.retention.findUnknownFiles([])).toEqual([]);
    expect(await store.retention.findUnknownFiles(all)).toEqual([unknown, gone]);
    await store.retention.noteFiles([]);
    await store.retention.noteFiles([listed, noted, unknown]);
    expect(await listUnlisted(store)).toEqual([unknown]);
    expect(await store.retention.findUnknownFiles(all)).toEqual([gone]);
  });

  it("counts how often each file has failed, puts each off by itself, and lists those due for longest first", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await endedRun(store);
    await untilAged(store, "artifacts", runKey);
    await store.retention.remove({ kind: "artifacts", retentionMs: 1 }, { runKeys: [runKey], limit: 9 });
    const [first, second, third] = [`${runKey}/1`, `${runKey}/2`, `${runKey}/3`];
    await store.retention.postponeFiles([failedFile(second, -2000), failedFile(third, hourMs)]);
    await store.retention.postponeFiles([failedFile(first, -1000), failedFile(second, -3000)]);
    expect(await store.retention.listUnlistedFiles(9)).toEqual([
      { location: second, failureCount: 2 },
      { location: first, failureCount: 1 },
    ]);
  });
}

async function listUnlisted(store: Store): Promise<readonly string[]> {
  return (await store.retention.listUnlistedFiles(10)).map(({ location }) => location);
}

function failedFile(location: string, dueInMs: number): FailedFile {
  return { location, reason: "the object is locked", dueInMs };
}

/** The run goes on as any other: what reads it anew finds it whole. */
async function claimable(store: Store, runKey: number): Promise<void> {
  const author = { by: "test", note: "" };
  const [facts] = await store.runs.readFacts([runKey]);
  const target = { revision: facts?.revision ?? -1, version: null, parameters: null };
  expect((await change(store, runKey, [{ kind: "rerun", from: "all", target, author }])).kind).toBe("applied");
  expect(await claim(store, runKey, 0)).toBeGreaterThan(0);
}
