import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { runTask, startRun } from "#testing/store-driver.ts";
import { removeAged } from "./remove-aged.ts";
import { createRemovalBreaker } from "./removal-breaker.ts";
import { removeUnlistedFiles } from "./remove-unlisted-files.ts";
import { type Retention, RetentionLoop } from "./retention-loop.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const surroundings = { clock: systemClock, logger };
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const intervalMs = 600_000;
const page = { limit: 100, cursor: null, sort: null };

/** At the network's edge: an object store, which may be away, or have this process die before it has removed a file. */
function createBucket() {
  const files = new Set<string>();
  const state = { removals: Number.POSITIVE_INFINITY };
  const store: ArtifactStore = {
    write: async (location) => void files.add(location),
    read: async () => null,
    list: () => ReadableStream.from([]),
    remove: async (location) => {
      if (state.removals <= 0) throw new Error("the bucket is away");
      state.removals -= 1;
      files.delete(location);
    },
  };
  return { files, state, store };
}

type Step = "expected" | "stored" | "listed";

/** What a receiver does with a file, up to a step after which its process dies. */
async function upload(
  { store, bucket, runKey, ordinal }: { store: Store; bucket: ArtifactStore; runKey: number; ordinal: number },
  file: { readonly name: string; readonly location: string },
  last: Step = "listed",
): Promise<void> {
  await store.artifacts.expect(file.location);
  if (last === "expected") return;
  await bucket.write(file.location, ReadableStream.from([]), 0);
  if (last === "stored") return;
  const content = { sizeBytes: 0, sha256: "00", mediaType: "text/plain", ...file };
  await store.artifacts.add({ runKey, ordinal, generation: 1, tryNumber: 1, ...content });
}

async function endedRun(store: Store, bucket: ArtifactStore, name: string): Promise<string> {
  const { runKey, runId } = await startRun(store, [{ id: "a" }]);
  await upload({ store, bucket, runKey, ordinal: 0 }, { name: "x", location: name });
  await runTask(store, runKey, 0, { kind: "success", outputs: [{ key: "k", json: "1" }] });
  return runId;
}

function startLoop(store: Store, artifacts: ArtifactStore | null, retention: Partial<Retention> = {}) {
  const loop = new RetentionLoop({
    ...{ store, artifacts, clock: systemClock, logger, executorId: "one" },
    retention: { outputs: 7 * dayMs, artifacts: 30 * dayMs, logs: 30 * dayMs, ...retention },
  });
  loop.start();
  return loop;
}

describe("the retention loop", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("removes each kind when its own time is over, files with what lists them", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    const runId = await endedRun(store, bucket.store, "1/a");
    const loop = startLoop(store, bucket.store);
    await vi.advanceTimersByTimeAsync(0);
    expect(await store.queries.listOutputs(runId, null)).toHaveLength(1);
    advance(7 * dayMs);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect(await store.queries.listOutputs(runId, null)).toEqual([]);
    expect([...bucket.files]).toEqual(["1/a"]);
    advance(23 * dayMs);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect([...bucket.files]).toEqual([]);
    await loop.stop();
  });

  it("keeps for ever what has no time, and looks ten times in the shortest that there is", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    const runId = await endedRun(store, bucket.store, "1/a");
    const loop = startLoop(store, bucket.store, { outputs: 0, artifacts: 20_000, logs: 0 });
    advance(1000 * dayMs);
    await vi.advanceTimersByTimeAsync(2000);
    expect([...bucket.files]).toEqual([]);
    expect(await store.queries.listOutputs(runId, null)).toHaveLength(1);
    await loop.stop();
  });

  it("leaves the round to the executor that is at it", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const runId = await endedRun(store, createBucket().store, "1/a");
    advance(8 * dayMs);
    await store.leases.acquire({ name: "retention", holder: "another", ttlMs: intervalMs });
    const loop = startLoop(store, null);
    await vi.advanceTimersByTimeAsync(0);
    expect(await store.queries.listOutputs(runId, null)).toHaveLength(1);
    advance(intervalMs);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect(await store.queries.listOutputs(runId, null)).toEqual([]);
    await loop.stop();
  });

  it("removes files in a later round when the store was away, and says meanwhile that they are gone", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    const runId = await endedRun(store, bucket.store, "1/a");
    bucket.state.removals = 0;
    advance(30 * dayMs);
    const loop = startLoop(store, bucket.store);
    await vi.advanceTimersByTimeAsync(0);
    const filter = { runId, taskId: null, mapIndex: null, name: null, attempts: "all" as const };
    expect((await store.artifacts.list(page, filter)).items).toEqual([]);
    expect([...bucket.files]).toEqual(["1/a"]);
    bucket.state.removals = 9;
    advance(hourMs);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect([...bucket.files]).toEqual([]);
    await loop.stop();
  });

  it("passes by a file that can't be removed", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    for (const name of ["1/a", "1/b"]) await endedRun(store, bucket.store, name);
    const stubborn: ArtifactStore = {
      ...bucket.store,
      remove: (location) =>
        location === "1/a" ? Promise.reject(new Error("read-only")) : bucket.store.remove(location),
    };
    advance(30 * dayMs);
    const loop = startLoop(store, stubborn);
    await vi.advanceTimersByTimeAsync(0);
    expect([...bucket.files]).toEqual(["1/a"]);
    advance(hourMs);
    expect(await store.retention.listUnlistedFiles(9)).toEqual([{ location: "1/a", failureCount: 1 }]);
    await loop.stop();
  });

  it("comes past any number of files that can't be removed in one round, and tries them again later", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    const stubborn = Array.from({ length: 150 }, (_, place) => `1/${place}`);
    for (const name of [...stubborn, "2/a", "2/b"]) await endedRun(store, bucket.store, name);
    const isDenied = { value: true };
    const denying: ArtifactStore = {
      ...bucket.store,
      remove: (location) =>
        isDenied.value && stubborn.includes(location)
          ? Promise.reject(new Error("the object is locked"))
          : bucket.store.remove(location),
    };
    advance(30 * dayMs);
    const loop = startLoop(store, denying);
    await vi.advanceTimersByTimeAsync(0);
    expect([...bucket.files]).toEqual(stubborn);
    isDenied.value = false;
    advance(hourMs);
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect([...bucket.files]).toEqual([]);
    await loop.stop();
  });

  it("leaves a store alone that removes nothing, tries one file when it looks again, and removes all once that is gone", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    const names = Array.from({ length: 30 }, (_, place) => `1/${100 + place}`);
    for (const name of names) await endedRun(store, bucket.store, name);
    const isReadOnly = { value: true };
    const tried: string[] = [];
    const readOnly: ArtifactStore = {
      ...bucket.store,
      remove: (location) => {
        tried.push(location);
        return isReadOnly.value ? Promise.reject(new Error("read-only file system")) : bucket.store.remove(location);
      },
    };
    advance(30 * dayMs);
    const loop = startLoop(store, readOnly);
    const nextRound = async (): Promise<void> => {
      // No file that was put off is due again.
      advance(1);
      await vi.advanceTimersByTimeAsync(intervalMs);
    };
    await vi.advanceTimersByTimeAsync(0);
    expect(tried).toEqual([...names.slice(0, 3), "no-file"]);
    expect(loop.breakers).toMatchObject([{ name: "removal of files", state: "open" }]);
    expect(loop.breakers[0]?.changes.at(-1)?.cause).toContain("read-only file system");
    await nextRound();
    await nextRound();
    expect(tried.slice(4)).toEqual([names[3], "no-file", names[4], "no-file"]);
    expect(await store.retention.listUnlistedFiles(99)).toHaveLength(25);
    isReadOnly.value = false;
    await nextRound();
    expect(loop.breakers).toMatchObject([{ state: "closed" }]);
    expect([...bucket.files]).toEqual(names.slice(0, 5));
    advance(hourMs);
    await nextRound();
    expect([...bucket.files]).toEqual([]);
    await loop.stop();
  });

  it("goes on with all once the store is well again, however many files that can't be removed come first", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    const locked = Array.from({ length: 10 }, (_, place) => `1/${100 + place}`);
    for (const name of [...locked, "2/a", "2/b"]) await endedRun(store, bucket.store, name);
    const isAway = { value: true };
    const failing: ArtifactStore = {
      ...bucket.store,
      remove: (location) =>
        isAway.value || locked.includes(location)
          ? Promise.reject(new Error("not now"))
          : bucket.store.remove(location),
    };
    advance(30 * dayMs);
    const loop = startLoop(store, failing);
    await vi.advanceTimersByTimeAsync(0);
    expect(loop.breakers).toMatchObject([{ state: "open" }]);
    isAway.value = false;
    await vi.advanceTimersByTimeAsync(intervalMs);
    expect(loop.breakers).toMatchObject([{ state: "closed" }]);
    expect([...bucket.files]).toEqual(locked);
    await loop.stop();
  });

  it.each([1, 2])(
    "tells of a store that removes nothing when %i files are due, and not of files alone",
    async (count) => {
      const { store, advance } = createClockedStore(planOfSpec);
      const bucket = createBucket();
      for (let place = 0; place < count; place += 1) await endedRun(store, bucket.store, `1/${place}`);
      const isReadOnly = { value: false };
      const failing: ArtifactStore = {
        ...bucket.store,
        remove: (location) =>
          isReadOnly.value || location.startsWith("1/")
            ? Promise.reject(new Error("read-only file system"))
            : bucket.store.remove(location),
      };
      advance(30 * dayMs);
      const loop = startLoop(store, failing);
      await vi.advanceTimersByTimeAsync(0);
      expect(loop.breakers).toMatchObject([{ state: "closed" }]);
      isReadOnly.value = true;
      advance(hourMs);
      await vi.advanceTimersByTimeAsync(intervalMs);
      expect(loop.breakers).toMatchObject([{ state: "open" }]);
      await loop.stop();
    },
  );

  it("tries a file that can't be removed ever more seldom, once a day at least", async () => {
    const { store, advance } = createClockedStore(planOfSpec);
    const bucket = createBucket();
    await endedRun(store, bucket.store, "1/a");
    let now = 0;
    const tries: number[] = [];
    const denying: ArtifactStore = {
      ...bucket.store,
      remove: async (location) => {
        if (location !== "1/a") return;
        tries.push(now);
        throw new Error("the object is locked");
      },
    };
    advance(30 * dayMs);
    const loop = startLoop(store, denying);
    await vi.advanceTimersByTimeAsync(0);
    for (; now < 5 * dayMs; now += intervalMs) {
      advance(intervalMs);
      await vi.advanceTimersByTimeAsync(intervalMs);
    }
    const pauses = tries.slice(1).map((at, place) => (at - (tries[place] ?? 0)) / intervalMs);
    expect(pauses.slice(1)).toEqual([2, 4, 8, 16, 32, 64, 128, 144, 144, 144]);
    await loop.stop();
  });
});

/** What can happen around files: an upload that may die on its way, the same name again, an end, time, and a round that may die. */
const action = fc.oneof(
  fc.record({
    kind: fc.constant("upload" as const),
    run: fc.nat(2),
    name: fc.constantFrom("x", "y"),
    last: fc.constantFrom<Step>("expected", "stored", "listed"),
  }),
  fc.record({ kind: fc.constant("end" as const), run: fc.nat(2) }),
  fc.record({ kind: fc.constant("advance" as const), hours: fc.nat(60) }),
  fc.record({ kind: fc.constant("round" as const), removals: fc.nat(4) }),
);

it("has no file that nothing lists, and lists none that is gone, whatever dies in between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const { store, advance } = createClockedStore(planOfSpec);
      const bucket = createBucket();
      const runs = await Promise.all([0, 1, 2].map(() => startRun(store, [{ id: "a" }])));
      const ended = new Set<number>();
      const round = { retention: store.retention, mayGoOn: async () => true, signal: new AbortController().signal };
      const runRound = async (removals: number): Promise<void> => {
        bucket.state.removals = removals;
        await removeAged(round, { kind: "artifacts", retentionMs: 2 * dayMs });
        // Each round may be another process's.
        await removeUnlistedFiles(round, { artifacts: bucket.store, breaker: createRemovalBreaker(surroundings) });
      };
      let files = 0;
      for (const one of actions) {
        const { runKey = 0 } = "run" in one ? (runs[one.run] ?? {}) : {};
        if (one.kind === "advance") advance(one.hours * 3_600_000);
        else if (one.kind === "round") await runRound(one.removals);
        else if (one.kind === "end" && !ended.has(runKey)) {
          await runTask(store, runKey, 0, { kind: "success", outputs: [] });
          ended.add(runKey);
        } else if (one.kind === "upload" && !ended.has(runKey)) {
          files += 1;
          const file = { name: one.name, location: `${runKey}/${files}` };
          await upload({ store, bucket: bucket.store, runKey, ordinal: 0 }, file, one.last);
        }
      }
      advance(dayMs);
      await runRound(Number.POSITIVE_INFINITY);
      const listed: string[] = [];
      for (const { runId } of runs) {
        const filter = { runId, taskId: null, mapIndex: null, name: null, attempts: "all" as const };
        listed.push(...(await store.artifacts.list(page, filter)).items.map(({ location }) => location));
      }
      expect([...bucket.files].toSorted()).toEqual(listed.toSorted());
    }),
    { numRuns: 200 },
  );
});
