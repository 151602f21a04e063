import { describe, expect, test } from "vitest";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { buildFailure, RunDriver } from "#testing/run-driver.ts";
import type { AttemptOutcome } from "./run-event.ts";

const ask: TaskSpec = { id: "ask", waits: { timeoutMs: null } };
const success: AttemptOutcome = { kind: "success", outputs: [{ key: "decision", json: '"approve"' }] };

function begin(run: RunDriver, name = "ask", dueAt: number | null = null): void {
  const { ordinal, fence } = run.get(name);
  run.accept({ kind: "wait_begun", ordinal, fence, waitsFor: "approval", dueAt });
}

function answer(run: RunDriver, outcome: AttemptOutcome, name = "ask"): void {
  const { ordinal, fence } = run.get(name);
  run.accept({ kind: "answered", ordinal, fence, outcome });
}

describe("a task that needs no worker", () => {
  test("is queued for an executor, never for a worker", () => {
    const run = new RunDriver([ask]);
    expect(run.get("ask")).toMatchObject({ state: "queued", waitsFor: "executor", dueAt: null });
    const claim = { kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 } as const;
    expect(run.apply([claim])).toEqual([{ accepted: false, reason: "illegal_state" }]);
  });

  test("waits without a slot and counts its time from there, and its run goes on", () => {
    const run = new RunDriver([ask]);
    run.now += 5000;
    begin(run, "ask", run.now + 60_000);
    expect(run.get("ask")).toMatchObject({
      ...{ state: "queued", reason: "deferred", waitsFor: "approval", held: false, workerKey: null },
      ...{ tryNumber: 0, startedAt: run.now, dueAt: run.now + 60_000 },
    });
    expect(run.run.run).toMatchObject({ state: "running", startedAt: run.now });
    expect(run.last).toMatchObject({ readyOrdinals: [], attempts: [] });
  });

  test("ends by its answer with one attempt, which began when the wait did, and lets its children go on", () => {
    const run = new RunDriver([ask, { id: "after", parents: ["ask"] }]);
    begin(run);
    const startedAt = run.now;
    run.now += 7000;
    answer(run, success);
    expect(run.get("ask")).toMatchObject({ state: "success", tryNumber: 1, startedAt, endedAt: run.now });
    expect(run.last?.attempts).toMatchObject([
      { kind: "opened", startedAt, workerKey: null, tryNumber: 1 },
      { kind: "closed", state: "success", endedAt: run.now },
      { kind: "released" },
    ]);
    expect(run.last?.outputs).toMatchObject([{ key: "decision" }]);
    expect(run.last?.readyOrdinals).toEqual(run.ordinals("after"));
  });

  test("takes the first of two answers, also of one batch", () => {
    const run = new RunDriver([ask]);
    begin(run);
    const { fence } = run.get("ask");
    const answered = { kind: "answered", ordinal: 0, fence, outcome: success } as const;
    const verdicts = run.apply([answered, { ...answered, outcome: { kind: "skipped" } }]);
    expect(verdicts).toMatchObject([{ accepted: true }, { accepted: false, reason: "stale_fence" }]);
    expect(run.state("ask")).toBe("success");
    expect(run.apply([{ ...answered, fence: fence + 1 }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
  });

  test("is looked at again only later than it was to be", () => {
    const run = new RunDriver([ask]);
    begin(run, "ask", run.now);
    const due = (dueAt: number | null) => ({ kind: "deferred", dueAt, waitsFor: null }) as const;
    answer(run, due(run.now + 10));
    const { fence } = run.get("ask");
    const earlier = { kind: "answered", ordinal: 0, fence, outcome: due(run.now + 5) } as const;
    expect(run.apply([earlier])).toEqual([{ accepted: false, reason: "nothing_to_do" }]);
    answer(run, due(null));
    expect(run.get("ask")).toMatchObject({ state: "queued", waitsFor: "approval", dueAt: null });
  });

  test("is tried again where its end may be, by a wait of its own", () => {
    const run = new RunDriver([{ ...ask, retry: { maxRetries: 1, delayMs: 1000 } }]);
    begin(run);
    answer(run, { kind: "failed", outputs: [], failure: buildFailure({ code: "run_failed", exitCode: null }) });
    expect(run.state("ask")).toBe("up_for_retry");
    run.now += 2000;
    const { ordinal, fence } = run.get("ask");
    run.accept({ kind: "retry_due", ordinal, fence });
    expect(run.get("ask")).toMatchObject({ state: "queued", waitsFor: "executor", tryNumber: 1 });
    begin(run);
    answer(run, success);
    expect(run.get("ask")).toMatchObject({ state: "success", tryNumber: 2 });
  });

  test("fails at once where what it is to wait for can't be told", () => {
    const run = new RunDriver([ask]);
    const failure = buildFailure({ code: "render_failed", exitCode: null });
    answer(run, { kind: "failed", outputs: [], failure });
    expect(run.get("ask")).toMatchObject({ state: "failed", reason: "render_failed" });
  });

  test("does not begin in a paused run, and goes on waiting in one", () => {
    const run = new RunDriver([ask]);
    run.accept({ kind: "pause", isPaused: true });
    const { ordinal, fence } = run.get("ask");
    const begun = { kind: "wait_begun", ordinal, fence, waitsFor: "time", dueAt: null } as const;
    expect(run.apply([begun])).toEqual([{ accepted: false, reason: "paused" }]);
    run.accept({ kind: "pause", isPaused: false });
    begin(run);
    run.accept({ kind: "pause", isPaused: true });
    answer(run, success);
    expect(run.state("ask")).toBe("success");
  });

  test.each([
    ["a cancel", (run: RunDriver) => run.cancel(), "skipped"],
    ["a mark", (run: RunDriver) => run.mark("success", ["ask"]), "success"],
    ["a timeout of the run", (run: RunDriver) => run.accept({ kind: "run_timeout" }), "failed"],
  ] as const)("is ended by %s without anything to stop, and no answer comes through", (_what, end, state) => {
    const run = new RunDriver([ask]);
    begin(run);
    const { fence } = run.get("ask");
    expect(end(run)).toMatchObject({ stops: [], attempts: [] });
    expect(run.state("ask")).toBe(state);
    expect(run.run.run.endedAt).toBe(run.now);
    expect(run.apply([{ kind: "answered", ordinal: 0, fence, outcome: success }])).toMatchObject([{ accepted: false }]);
  });

  test("forgets its answer when it is cleared, and begins anew", () => {
    const run = new RunDriver([ask]);
    begin(run);
    const { fence } = run.get("ask");
    answer(run, success);
    run.clear("ask");
    expect(run.last?.outputs).toEqual([{ kind: "cleared", ordinal: 0 }]);
    expect(run.get("ask")).toMatchObject({ state: "queued", generation: 2, waitsFor: "executor", startedAt: null });
    expect(run.apply([{ kind: "answered", ordinal: 0, fence, outcome: success }])).toMatchObject([{ accepted: false }]);
  });

  test("may be the item of a fan-out, whose group begins with it", () => {
    const run = new RunDriver([{ ...ask, evaluated: true }]);
    run.evaluate("ask", 2);
    expect(run.get("ask")).toMatchObject({ state: "queued", waitsFor: null });
    expect(run.get("ask[1]")).toMatchObject({ state: "queued", waitsFor: "executor" });
    begin(run, "ask[0]");
    expect(run.state("ask")).toBe("running");
    answer(run, success, "ask[0]");
    begin(run, "ask[1]");
    answer(run, { kind: "skipped" }, "ask[1]");
    expect(run.state("ask")).toBe("success");
  });
});
