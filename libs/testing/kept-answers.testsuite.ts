import { expect, it } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { RunChange } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import { clearOf } from "./run-driver.ts";
import { newRun, readInstances, startRun } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const name = { caller: "ada", id: "1" };

function answerOf(runId: string, changes: Partial<KeptAnswer> = {}): KeptAnswer {
  return { ...name, bodyHash: "abc", runId, answer: '{"done":true}', ...changes };
}

function changeOf(store: Store, runKey: number, events: readonly RunEvent[], answer: KeptAnswer): RunChange {
  return { runKey, decide: (run) => decideRun(run, events, store.now()), answers: () => [answer] };
}

async function generationOf(store: Store, runKey: number): Promise<number | undefined> {
  return (await readInstances(store, runKey))[0]?.generation;
}

/** How every store keeps what requests were answered. */
export function describeKeptAnswers(open: OpenHarness): void {
  it("keeps an answer with the change that it tells of, also for other processes (G6)", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    expect(await other.runs.findAnswer(name)).toBeNull();
    await store.runs.changeRuns([changeOf(store, runKey, [clearOf([0])], answerOf(runId))]);
    for (const each of [store, other]) expect(await each.runs.findAnswer(name)).toEqual(answerOf(runId));
    expect(await store.runs.findAnswer({ ...name, caller: "bob" })).toBeNull();
    expect(await store.runs.findAnswer({ ...name, id: "2" })).toBeNull();
  });

  it("writes nothing of a change whose request has an answer already", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    await store.runs.changeRuns([changeOf(store, runKey, [clearOf([0])], answerOf(runId))]);
    for (const each of [store, other]) {
      const again = changeOf(each, runKey, [clearOf([0])], answerOf(runId, { answer: "later" }));
      await expect(each.runs.changeRuns([again])).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
      expect(await generationOf(each, runKey)).toBe(2);
    }
    expect(await store.runs.findAnswer(name)).toEqual(answerOf(runId));
  });

  it("lets one of two changes through that come at once with one request", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const runs = [await startRun(store, [{ id: "a" }]), await startRun(store, [{ id: "a" }])];
    const results = await Promise.allSettled(
      [store, other].map((each, place) => {
        const { runKey = 0, runId = "" } = runs[place] ?? {};
        return each.runs.changeRuns([changeOf(each, runKey, [clearOf([0])], answerOf(runId))]);
      }),
    );
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const generations = await Promise.all(runs.map(({ runKey }) => generationOf(store, runKey)));
    expect(new Set(generations)).toEqual(new Set([1, 2]));
  });

  it("writes nothing of a batch in which one request would get two answers", async () => {
    const { store } = await openForTest(open);
    const runs = [await startRun(store, [{ id: "a" }]), await startRun(store, [{ id: "a" }])];
    const batch = runs.map(({ runKey, runId }) => changeOf(store, runKey, [clearOf([0])], answerOf(runId)));
    await expect(store.runs.changeRuns(batch)).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    expect(await Promise.all(runs.map(({ runKey }) => generationOf(store, runKey)))).toEqual([1, 1]);
    expect(await store.runs.findAnswer(name)).toBeNull();
  });

  it("keeps an answer that tells of no change, once for a request, also when two come at once", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    const answers = ["one", "two"].map((answer) => answerOf(runId, { answer, bodyHash: answer }));
    const kept = await Promise.all(
      answers.map((answer, place) => (place === 0 ? store : other).runs.keepAnswer(answer)),
    );
    const [first] = kept;
    expect(answers).toContainEqual(first);
    expect(kept).toEqual([first, first]);
    for (const each of [store, other]) expect(await each.runs.findAnswer(name)).toEqual(first);
    const change = changeOf(store, runKey, [clearOf([0])], answerOf(runId));
    await expect(store.runs.changeRuns([change])).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    expect(await generationOf(store, runKey)).toBe(1);
  });

  it("leaves the answer that was kept with a change to it", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    await store.runs.changeRuns([changeOf(store, runKey, [clearOf([0])], answerOf(runId))]);
    expect(await store.runs.keepAnswer(answerOf(runId, { answer: "later" }))).toEqual(answerOf(runId));
    expect(await store.runs.keepAnswer(answerOf(runId, { id: "2" }))).toEqual(answerOf(runId, { id: "2" }));
  });

  it("keeps no answer by itself for what changed nothing", async () => {
    const { store } = await openForTest(open);
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    const [result] = await store.runs.changeRuns([
      changeOf(store, runKey, [{ kind: "retry_due", ordinal: 0, fence: 0 }], answerOf(runId)),
    ]);
    expect(result?.kind).toBe("unchanged");
    expect(await store.runs.findAnswer(name)).toBeNull();
  });

  it("knows requests that made a run, whose run is the answer", async () => {
    const { store } = await openForTest(open);
    const keys = await registerDag(store, "dag", { tasks: [{ id: "a" }] });
    const run = newRun(keys, { request: { ...name, bodyHash: "abc" } });
    await store.runs.createRun(run);
    expect(await store.runs.findAnswer(name)).toEqual(answerOf(run.runId, { answer: null }));
  });
}
