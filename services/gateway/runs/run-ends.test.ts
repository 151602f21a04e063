import { expect, onTestFinished, test } from "vitest";
import type { Queries } from "#ports/queries.ts";
import type { Store } from "#ports/store.ts";
import type { Wake } from "#ports/wake.ts";
import { newRun, runTask, success } from "#testing/store-driver.ts";
import { logger, memoryStore, registerDag } from "../gateway-harness.testsuite.ts";
import { createRunEnds } from "./run-ends.ts";

const never = new AbortController().signal;
/** Longer than any of these tests: nothing is found by looking. */
const noPollMs = 3_600_000;

/** The ends of runs of a store, with what is read counted; `wake` stands for one that loses hints. */
function openEnds(store: Store, options: { pollMs: number; wake?: Wake }) {
  const reads = { runs: 0, looks: 0 };
  const queries: Queries = {
    ...store.queries,
    getRun(runId) {
      reads.runs += 1;
      return store.queries.getRun(runId);
    },
    listUnended(runIds) {
      reads.looks += 1;
      return store.queries.listUnended(runIds);
    },
  };
  const ends = createRunEnds({ queries, wake: options.wake ?? store.wake, logger, pollMs: options.pollMs });
  onTestFinished(() => ends.stop());
  return { ends, reads };
}

const deaf: Wake = { notify: () => undefined, listen: () => () => undefined };

async function makeRun(store: Store): Promise<{ runId: string; end: () => Promise<unknown> }> {
  const keys = await store.definitions.getActive("etl");
  if (keys === null) throw new Error("etl is not registered");
  const run = newRun(keys);
  const made = await store.runs.createRun(run);
  if (made.kind !== "created") throw new Error("there is no run");
  return { runId: run.runId, end: () => runTask(store, made.runKey, 0, success) };
}

async function openStore(): Promise<Store> {
  const store = memoryStore();
  await registerDag(store, "etl", { tasks: ["a"] });
  return store;
}

test("a run that is new is read once, when its end is told", async () => {
  const store = await openStore();
  const { ends, reads } = openEnds(store, { pollMs: noPollMs });
  const watch = ends.watch();
  const [run, other] = [await makeRun(store), await makeRun(store)];
  const waiting = watch.until({ runId: run.runId, isNew: true }, never);
  await other.end();
  await run.end();
  expect(await waiting).toMatchObject({ runId: run.runId, state: "success" });
  expect(reads).toEqual({ runs: 1, looks: 0 });
});

test("an end before the run's id is known is not missed", async () => {
  const store = await openStore();
  const { ends } = openEnds(store, { pollMs: noPollMs });
  const [watch, earlier] = [ends.watch(), ends.watch()];
  const run = await makeRun(store);
  await run.end();
  earlier.leave();
  earlier.leave();
  expect(await watch.until({ runId: run.runId, isNew: true }, never)).toMatchObject({ state: "success" });
});

test("a run that was there before is read at once", async () => {
  const store = await openStore();
  const run = await makeRun(store);
  await run.end();
  const { ends } = openEnds(store, { pollMs: noPollMs });
  expect(await ends.watch().until({ runId: run.runId, isNew: false }, never)).toMatchObject({ state: "success" });
});

test("hints that may have been lost make everybody look, also who does not know his run yet", async () => {
  const store = await openStore();
  const [going, ended] = [await makeRun(store), await makeRun(store)];
  const listeners = new Set<(detail: string) => void>();
  const wake: Wake = { ...deaf, listen: (_topic, listener) => (listeners.add(listener), () => listeners.clear()) };
  const { ends } = openEnds(store, { pollMs: noPollMs, wake });
  const [first, second] = [ends.watch(), ends.watch()];
  const waiting = first.until({ runId: going.runId, isNew: true }, never);
  await going.end();
  await ended.end();
  for (const tell of listeners) tell("");
  expect(await waiting).toMatchObject({ state: "success" });
  expect(await second.until({ runId: ended.runId, isNew: true }, never)).toMatchObject({ state: "success" });
});

test("without hints one look finds the ends for all who wait, and runs that are gone", async () => {
  const store = await openStore();
  const { ends, reads } = openEnds(store, { pollMs: 5, wake: deaf });
  const runs = await Promise.all(Array.from({ length: 20 }, () => makeRun(store)));
  const waiting = runs.map(({ runId }) => ends.watch().until({ runId, isNew: true }, never));
  const gone = ends.watch().until({ runId: "gone", isNew: true }, never);
  expect(await gone).toBeNull();
  expect(reads.runs).toBe(1);
  for (const run of runs) await run.end();
  const found = await Promise.all(waiting);
  expect(found.map((run) => run?.state)).toEqual(runs.map(() => "success"));
  expect(reads.runs).toBe(runs.length + 1);
  const { looks } = reads;
  await ends.stop();
  expect(reads.looks).toBe(looks);
});

test("who leaves gets the run as it is", async () => {
  const store = await openStore();
  const { ends } = openEnds(store, { pollMs: noPollMs });
  const run = await makeRun(store);
  const leave = new AbortController();
  const waiting = ends.watch().until({ runId: run.runId, isNew: true }, leave.signal);
  leave.abort();
  expect(await waiting).toMatchObject({ runId: run.runId, endedAt: null });
});

test("a look that fails is done again", async () => {
  const store = await openStore();
  let failures = 2;
  const listUnended: Queries["listUnended"] = (runIds) => {
    failures -= 1;
    return failures >= 0 ? Promise.reject(new Error("away")) : store.queries.listUnended(runIds);
  };
  const ends = createRunEnds({ queries: { ...store.queries, listUnended }, wake: deaf, logger, pollMs: 5 });
  onTestFinished(() => ends.stop());
  const run = await makeRun(store);
  const waiting = ends.watch().until({ runId: run.runId, isNew: true }, never);
  await run.end();
  expect(await waiting).toMatchObject({ state: "success" });
  expect(failures).toBeLessThan(0);
});
