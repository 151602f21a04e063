import { expect, it } from "vitest";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import { claim, newRun, readInstances } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const request = { caller: "ada", id: "1", bodyHash: "abc" };

async function openWithDag(
  open: OpenHarness,
): Promise<{ store: Store; other: Store; keys: { dagKey: number; versionKey: number } }> {
  const { store, openAnother } = await openForTest(open);
  const keys = await registerDag(store, "a", { tasks: [{ id: "first" }, { id: "second", parents: ["first"] }] });
  return { store, other: await openAnother(), keys };
}

/** How every run store makes runs. */
export function describeRunCreation(open: OpenHarness): void {
  it("writes the run, all its instances, and what it tells, at once", async () => {
    const { store, keys } = await openWithDag(open);
    const run = newRun(keys, { parameters: { n: 1 }, traceparent: "00-1-2-01" });
    const result = await store.runs.createRun(run);
    const runKey = result.kind === "created" ? result.runKey : 0;
    const { runId } = run;
    expect(result).toEqual({ kind: "created", runKey, runId, isAdmitted: true, awaitsEvaluation: false });
    expect(await store.runs.findRunKey(run.runId)).toBe(runKey);
    expect(await readInstances(store, runKey)).toMatchObject([
      { ordinal: 0, state: "queued", inDegree: 0, generation: 1, fence: 0, tryNumber: 0 },
      { ordinal: 1, state: "none", inDegree: 1 },
    ]);
    expect(await store.runs.readFacts([runKey, -1])).toMatchObject([
      {
        runKey,
        runId: run.runId,
        dagId: "a",
        versionKey: keys.versionKey,
        logicalAt: run.logicalAt,
        parameters: { n: 1 },
        traceparent: "00-1-2-01",
      },
    ]);
    expect(await store.runs.findRunKey("nobody")).toBeNull();
  });

  it("tells of a new run by its key, and of what is to be looked at before it is queued", async () => {
    const { store } = await openForTest(open);
    const keys = await registerDag(store, "a", { tasks: [{ id: "first" }, { id: "looked_at", evaluated: true }] });
    const heard: string[] = [];
    for (const topic of ["created", "evaluations", "queued"] as const)
      store.wake.listen(topic, (detail) => heard.push(`${topic} ${detail}`));
    const result = await store.runs.createRun(newRun(keys));
    const runKey = result.kind === "created" ? result.runKey : 0;
    expect(result).toMatchObject({ kind: "created", awaitsEvaluation: true });
    await expect.poll(() => heard).toEqual([`created ${runKey}`, `evaluations ${runKey}`]);
  });

  it("makes one run for a logical date, also when two ask at once (G8)", async () => {
    const { store, other, keys } = await openWithDag(open);
    const runs = [newRun(keys, { logicalAt: 1000 }), newRun(keys, { logicalAt: 1000 })];
    const results = await Promise.all(
      [store, other].map((one, place) => one.runs.createRun(runs[place] ?? newRun(keys))),
    );
    const created = results.find((result) => result.kind === "created");
    const exists = results.find((result) => result.kind === "exists");
    expect(created).toBeDefined();
    expect(exists).toEqual({ kind: "exists", runId: created?.kind === "created" ? created.runId : "" });
  });

  it("gives a repeated request the same answer and refuses another body under its id (G6)", async () => {
    const { store, other, keys } = await openWithDag(open);
    const run = newRun(keys, { request });
    await store.runs.createRun(run);
    expect(await other.runs.createRun(newRun(keys, { request }))).toEqual({ kind: "repeated", runId: run.runId });
    expect(await store.runs.createRun(newRun(keys, { request, logicalAt: run.logicalAt }))).toEqual({
      kind: "repeated",
      runId: run.runId,
    });
    expect(await store.runs.createRun(newRun(keys, { request: { ...request, bodyHash: "other" } }))).toEqual({
      kind: "request_conflict",
    });
    expect(await store.runs.createRun(newRun(keys, { request: { ...request, caller: "bob" } }))).toMatchObject({
      kind: "created",
    });
  });

  it("makes one run of a request that comes twice at once", async () => {
    const { store, other, keys } = await openWithDag(open);
    const results = await Promise.all([store, other].map((one) => one.runs.createRun(newRun(keys, { request }))));
    expect(results.map((result) => result.kind).toSorted()).toEqual(["created", "repeated"]);
    expect(new Set(results.map((result) => ("runId" in result ? result.runId : "")))).toHaveLength(1);
  });

  it("lets scheduled runs be made by the leader alone", async () => {
    const { store, keys } = await openWithDag(open);
    expect(await store.runs.createRun(newRun(keys, { leaderEpoch: 1 }))).toEqual({ kind: "not_leader" });
    const lease = await store.leases.acquire({ name: "scheduler", holder: "one", ttlMs: 60_000 });
    expect(await store.runs.createRun(newRun(keys, { leaderEpoch: lease?.epoch ?? 0 }))).toMatchObject({
      kind: "created",
    });
    expect(await store.runs.createRun(newRun(keys, { leaderEpoch: (lease?.epoch ?? 0) + 1 }))).toEqual({
      kind: "not_leader",
    });
    expect(
      (await store.queries.listRuns({ limit: 10, cursor: null, sort: null }, { dagId: "a", states: [] })).totalCount,
    ).toBe(1);
  });

  it("replaces the date's run when asked: the old one is cancelled and archived", async () => {
    const { store, keys } = await openWithDag(open);
    const old = newRun(keys, { logicalAt: 1000 });
    const created = await store.runs.createRun(old);
    await claim(store, created.kind === "created" ? created.runKey : 0, 0);
    const replacement = newRun(keys, { logicalAt: 1000, replaceExisting: true });
    expect(await store.runs.createRun(replacement)).toMatchObject({ kind: "created", runId: replacement.runId });
    expect(await store.queries.getRun(old.runId)).toMatchObject({ isArchived: true, state: "cancelled" });
    expect(await store.queries.getRun(replacement.runId)).toMatchObject({ isArchived: false, state: "queued" });
    expect(await store.runs.createRun(newRun(keys, { logicalAt: 1000 }))).toEqual({
      kind: "exists",
      runId: replacement.runId,
    });
  });

  it("leaves one run of a date however many replacements come at once", async () => {
    const { store, other, keys } = await openWithDag(open);
    await store.runs.createRun(newRun(keys, { logicalAt: 1000 }));
    const results = await Promise.all(
      [store, other, store, other].map((one) =>
        one.runs.createRun(newRun(keys, { logicalAt: 1000, replaceExisting: true })),
      ),
    );
    expect(results.map((result) => result.kind)).toEqual(["created", "created", "created", "created"]);
    const { items } = await store.queries.listRuns({ limit: 10, cursor: null, sort: null }, { dagId: "a", states: [] });
    expect(items).toHaveLength(5);
    expect(items.filter((run) => !run.isArchived)).toHaveLength(1);
  });
}
