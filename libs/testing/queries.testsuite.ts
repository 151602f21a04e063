import { describe, expect, it } from "vitest";
import type { StoredProblem } from "#ports/stored-problem.ts";
import type { Page, PageRequest } from "#ports/queries.ts";
import type { Store } from "#ports/store.ts";
import { newVersion, registerDag } from "./dag-builder.ts";
import { change, claim, failure, newRun, runTask, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";
import { hello, registerWorker } from "./worker-builder.ts";

const firstPage: PageRequest = { limit: 100, cursor: null, sort: null };
const anyRun = { dagId: null, states: [] };
const anyInstance = { runId: null, dagId: null, states: [], runningLongerThanMs: null };
const problem: StoredProblem = {
  file: "a.yaml",
  line: 1,
  column: 2,
  code: "CYCLE",
  message: "a → a",
  hint: "",
  warning: false,
};

/** Follows the cursors to the end; fails when a list does not end. */
async function readAll<T>(read: (page: PageRequest) => Promise<Page<T>>, page: PageRequest): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let round = 0; round < 100; round += 1) {
    const found: Page<T> = await read({ ...page, cursor });
    items.push(...found.items);
    cursor = found.nextCursor;
    if (cursor === null) return items;
  }
  throw new Error("the list does not end");
}

/** What every store answers to people. */
export function describeQueries(open: OpenHarness): void {
  describe("pages", () => {
    it("hold every item once, in order, with the whole count on each", async () => {
      const { store } = await openForTest(open);
      for (const id of ["c", "a", "e", "b", "d"]) await store.definitions.register(newVersion(id));
      const filter = { isActive: null, text: null };
      const first = await store.queries.listDags({ limit: 2, cursor: null, sort: null }, filter);
      expect(first).toMatchObject({ totalCount: 5, items: [{ dagId: "a" }, { dagId: "b" }] });
      const all = await readAll((page) => store.queries.listDags(page, filter), { ...firstPage, limit: 2 });
      expect(all.map((dag) => dag.dagId)).toEqual(["a", "b", "c", "d", "e"]);
      expect((await store.queries.listDags({ limit: 5, cursor: null, sort: null }, filter)).nextCursor).toBeNull();
    });

    it("can be sorted both ways, with ties by key and times that have not come last", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const runs = [2, 1, 3].map((place) => newRun(keys, { logicalAt: Date.UTC(2026, 0, place) }));
      for (const run of runs) await store.runs.createRun(run);
      const started = await store.runs.findRunKey(runs[1]?.runId ?? "");
      await claim(store, started ?? 0, 0);
      const read = async (sort: string): Promise<number[]> => {
        const found = await readAll((page) => store.queries.listRuns(page, anyRun), { limit: 1, cursor: null, sort });
        return found.map((run) => new Date(run.logicalAt).getUTCDate());
      };
      expect(await read("execution_date")).toEqual([1, 2, 3]);
      expect(await read("-execution_date")).toEqual([3, 2, 1]);
      expect(await read("start_date")).toEqual([1, 3, 2]);
      expect(await read("dag_id")).toEqual([3, 1, 2]);
    });

    it("refuse fields and cursors that are not theirs", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("a"));
      await store.definitions.register(newVersion("b"));
      const filter = { isActive: null, text: null };
      const list = (page: Partial<PageRequest>): Promise<unknown> =>
        store.queries.listDags({ ...firstPage, limit: 1, ...page }, filter);
      const { nextCursor } = await store.queries.listDags({ ...firstPage, limit: 1 }, filter);
      await expect(list({ sort: "color" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { field: "sort" },
      });
      await expect(list({ cursor: "nonsense" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { field: "cursor" },
      });
      await expect(list({ cursor: nextCursor, sort: "owner" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    });
  });

  describe("DAGs", () => {
    it("show the version in force, the schedule, the last run and the problems of the newest content", async () => {
      const { store } = await openForTest(open);
      const nextAt = store.now() + 3_600_000;
      const schedule = { text: "@hourly", timezone: "Europe/Paris", rule: "@hourly", firstAt: nextAt, nextAt };
      const version = newVersion("a", {
        hash: "1",
        description: "Counts things",
        owner: "ops",
        tags: ["etl"],
        schedule,
      });
      await store.definitions.register(version);
      await store.definitions.recordImportError("a.yaml", "2", [problem]);
      const keys = await store.definitions.getActive("a");
      const run = newRun({ dagKey: keys?.dagKey ?? 0, versionKey: keys?.versionKey ?? 0 });
      await store.runs.createRun(run);

      const dag = await store.queries.getDag("a");
      expect(dag).toMatchObject({
        dagId: "a",
        description: "Counts things",
        owner: "ops",
        tags: ["etl"],
        scheduleText: "@hourly",
        timezone: "Europe/Paris",
        isActive: true,
        isPaused: false,
        version: 1,
        filePath: "a.yaml",
        fileHash: "1",
        nextAt,
        definition: version.definition,
        lastRun: { runId: run.runId, logicalAt: run.logicalAt, state: "queued", durationMs: null },
        problems: [problem],
      });
      expect(await store.queries.getDag("nobody")).toBeNull();
    });

    it("are found by words and by whether they are in force", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("orders", { description: "Counts 100% of_it", owner: "Shop" }));
      await store.definitions.register(newVersion("bills", { tags: ["money"] }));
      await store.definitions.archiveFile("bills.yaml");
      const find = async (isActive: boolean | null, text: string | null): Promise<string[]> =>
        (await store.queries.listDags(firstPage, { isActive, text })).items.map((dag) => dag.dagId);
      expect(await find(true, null)).toEqual(["orders"]);
      expect(await find(false, null)).toEqual(["bills"]);
      expect(await find(null, "SHOP")).toEqual(["orders"]);
      expect(await find(null, "mone")).toEqual(["bills"]);
      expect(await find(null, "0% of_i")).toEqual(["orders"]);
      expect(await find(null, "%")).toEqual(["orders"]);
      expect(await find(null, "nothing")).toEqual([]);
    });
  });

  describe("runs", () => {
    it("show what they were made with and how they stand", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "a", { tasks: [{ id: "one" }, { id: "two", parents: ["one"] }] });
      const run = newRun(keys, {
        parameters: { n: 1 },
        warnings: ["odd"],
        note: "by hand",
        traceparent: "00-1-2-01",
        externalTriggerId: "x",
      });
      await store.runs.createRun(run);
      expect(await store.queries.getRun(run.runId)).toMatchObject({
        runId: run.runId,
        dagId: "a",
        version: 1,
        state: "queued",
        isPaused: false,
        isArchived: false,
        logicalAt: run.logicalAt,
        startedAt: null,
        endedAt: null,
        runType: "manual",
        triggeredBy: "test",
        externalTriggerId: "x",
        traceparent: "00-1-2-01",
        parameters: { n: 1 },
        note: "by hand",
        warnings: ["odd"],
        counts: { queued: 1, none: 1 },
      });
      expect(await store.queries.getRun("nobody")).toBeNull();
    });

    it("are listed newest first, by DAG and state; the latest one that was not replaced has a name", async () => {
      const { store } = await openForTest(open);
      const a = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const b = await registerDag(store, "b", { tasks: [{ id: "only" }] });
      const runs = [newRun(a), newRun(b), newRun(a)];
      for (const run of runs) await store.runs.createRun(run);
      const firstKey = await store.runs.findRunKey(runs[0]?.runId ?? "");
      await runTask(store, firstKey ?? 0, 0, success);
      const list = async (filter: Parameters<Store["queries"]["listRuns"]>[1]): Promise<string[]> =>
        (await store.queries.listRuns(firstPage, filter)).items.map((run) => run.runId);
      expect(await list(anyRun)).toEqual(runs.map((run) => run.runId).toReversed());
      expect(await list({ dagId: "a", states: [] })).toEqual([runs[2]?.runId, runs[0]?.runId]);
      expect(await list({ dagId: "a", states: ["success", "failed"] })).toEqual([runs[0]?.runId]);
      expect(await list({ dagId: "nobody", states: [] })).toEqual([]);
      expect(await store.queries.latestRunId("a")).toBe(runs[2]?.runId);
      expect(await store.queries.latestRunId("nobody")).toBeNull();
    });

    it("can be asked which of them have not ended", async () => {
      const { store } = await openForTest(open);
      const a = await registerDag(store, "a", { tasks: [{ id: "only" }] });
      const [going, ended, other] = [newRun(a), newRun(a), newRun(a)];
      for (const run of [going, ended, other]) await store.runs.createRun(run);
      await runTask(store, (await store.runs.findRunKey(ended.runId)) ?? 0, 0, success);
      expect(await store.queries.listUnended([ended.runId, going.runId, "nobody"])).toEqual([going.runId]);
      expect(await store.queries.listUnended([])).toEqual([]);
    });
  });

  describe("task instances", () => {
    it("show their attempt, worker, error and retries", async () => {
      const { store } = await openForTest(open);
      const worker = await registerWorker(store, hello("w"));
      const { runKey, runId } = await startRun(store, [{ id: "one", queue: "big", retry: { maxRetries: 2 } }]);
      const fence = await claim(store, runKey, 0, worker.workerKey);
      await change(store, runKey, [
        { kind: "outcome", ordinal: 0, fence, outcome: failure({ exitCode: 3, message: "exit code 3" }) },
      ]);

      const found = await store.queries.getInstance(`${runId}__one`);
      expect(found).toMatchObject({
        runId,
        taskId: "one",
        mapIndex: null,
        state: "up_for_retry",
        tryNumber: 1,
        maxRetries: 2,
        operatorType: "noop",
        queue: "big",
        workerId: "w",
        hostname: "host",
        exitCode: 3,
        errorCode: "exit_code",
        errorMessage: "exit code 3",
        lastError: "exit code 3",
      });
      expect(await store.queries.listAttempts(runKey, 0)).toMatchObject([
        {
          tryNumber: 1,
          generation: 1,
          state: "failed",
          workerId: "w",
          exitCode: 3,
          signal: null,
          errorMessage: "exit code 3",
        },
      ]);
      expect(await store.queries.listAttempts(runKey, 7)).toEqual([]);
    });

    it("are found by ids in which every part holds two underscores, items too", async () => {
      const { store } = await openForTest(open);
      const keys = await registerDag(store, "my__dag", { tasks: [{ id: "t__1" }, { id: "each", evaluated: true }] });
      const run = newRun(keys, { runId: "my__dag__0badcafe__2026-01-01T00:00:00Z__deadbeef" });
      await store.runs.createRun(run);
      const runKey = (await store.runs.findRunKey(run.runId)) ?? 0;
      const items = [{ key: "a" }, { key: "b__c" }];
      await change(store, runKey, [
        { kind: "evaluated", ordinal: 1, generation: 1, result: { kind: "fan_out", items } },
      ]);
      const find = async (rest: string): Promise<unknown> => {
        const found = await store.queries.getInstance(`${run.runId}__${rest}`);
        return found === null ? null : [found.taskId, found.mapIndex, found.itemKey];
      };
      expect(await find("t__1")).toEqual(["t__1", null, null]);
      expect(await find("each")).toEqual(["each", null, null]);
      expect(await find("each__a")).toEqual(["each", 0, "a"]);
      expect(await find("each__b__c")).toEqual(["each", 1, "b__c"]);
      expect(await find("each__z")).toBeNull();
      expect(await store.queries.getInstance("no id at all")).toBeNull();
    });

    it("are listed in the definition's order within a run, and newest run first among many", async () => {
      const { store } = await openForTest(open);
      const older = await startRun(store, [{ id: "b" }, { id: "a", parents: ["b"] }]);
      const newer = await startRun(store, [{ id: "y" }, { id: "x", parents: ["y"] }]);
      const list = async (filter: Partial<typeof anyInstance>, limit: number): Promise<string[]> => {
        const all = await readAll((page) => store.queries.listInstances(page, { ...anyInstance, ...filter }), {
          ...firstPage,
          limit,
        });
        return all.map((instance) => instance.taskId);
      };
      expect(await list({ runId: older.runId } as object, 1)).toEqual(["b", "a"]);
      expect(await list({}, 1)).toEqual(["y", "x", "b", "a"]);
      expect(await list({}, 3)).toEqual(["y", "x", "b", "a"]);
      expect(await list({ runId: newer.runId, states: ["queued"] } as object, 3)).toEqual(["y"]);
      expect((await store.queries.listInstances(firstPage, { ...anyInstance, runId: "nobody" })).items).toEqual([]);
    });

    it("are found by how long they have been running", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b" }, { id: "waits" }]);
      await claim(store, runKey, 0);
      await runTask(store, runKey, 1, success);
      const find = async (runningLongerThanMs: number): Promise<readonly string[]> =>
        (await store.queries.listInstances(firstPage, { ...anyInstance, runId, runningLongerThanMs })).items.map(
          (instance) => instance.taskId,
        );
      await expect.poll(() => find(1)).toEqual(["a"]);
      expect(await find(3_600_000)).toEqual([]);
    });

    it("show outputs by task", async () => {
      const { store } = await openForTest(open);
      const { runKey, runId } = await startRun(store, [{ id: "one" }, { id: "two" }]);
      const outputs = [
        { key: "b", json: "[1,2]" },
        { key: "a", json: '"x"' },
      ];
      await runTask(store, runKey, 0, { kind: "success", outputs });
      await runTask(store, runKey, 1, { kind: "success", outputs: [{ key: "c", json: "null" }] });
      const all = await store.queries.listOutputs(runId, null);
      expect(all.map(({ taskId, key, json }) => [taskId, key, json])).toEqual([
        ["one", "a", '"x"'],
        ["one", "b", "[1,2]"],
        ["two", "c", "null"],
      ]);
      expect(await store.queries.listOutputs(runId, "two")).toMatchObject([
        { runId, taskId: "two", mapIndex: null, key: "c" },
      ]);
      expect(await store.queries.listOutputs("nobody", null)).toEqual([]);
    });

    it("show the beginnings of an instance's outputs, in characters, and their size in bytes", async () => {
      const { store } = await openForTest(open);
      const { runKey } = await startRun(store, [{ id: "one" }, { id: "two" }]);
      const outputs = [
        { key: "c", json: "7" },
        { key: "b", json: '"😀é, and more"' },
        { key: "a", json: "[1,2,3]" },
      ];
      await runTask(store, runKey, 0, { kind: "success", outputs });
      const list = (ordinal: number, limit: number) =>
        store.queries.listOutputBeginnings({ runKey, ordinal }, { characters: 3, limit });
      expect(await list(0, 9)).toEqual([
        { key: "a", beginning: "[1,", sizeBytes: 7 },
        { key: "b", beginning: '"😀é', sizeBytes: 18 },
        { key: "c", beginning: "7", sizeBytes: 1 },
      ]);
      expect((await list(0, 2)).map(({ key }) => key)).toEqual(["a", "b"]);
      expect(await list(1, 9)).toEqual([]);
    });
  });

  it("answers a ping", async () => {
    const { store } = await openForTest(open);
    await expect(store.queries.ping()).resolves.toBeUndefined();
  });
}
