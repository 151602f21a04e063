import { describe, expect, test } from "vitest";
import { buildPlan, type TaskSpec } from "#testing/plan-builder.ts";
import { RunDriver } from "#testing/run-driver.ts";

const chain: readonly TaskSpec[] = [{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c", parents: ["b"] }];

describe("cancel", () => {
  test("ends everything at once, but the run ends only when the stopping attempt is released", () => {
    const run = new RunDriver([...chain, { id: "z" }]);
    const { fence } = run.claim("a", 5);
    const decision = run.cancel();
    expect(run.states("a", "b", "c", "z")).toEqual({ a: "skipped", b: "skipped", c: "skipped", z: "skipped" });
    expect(decision.stops).toEqual([
      { ordinal: 0, generation: 1, tryNumber: 1, fence, workerKey: 5, reason: "cancelled", graceMs: 30_000 },
    ]);
    expect(decision.attempts).toMatchObject([{ kind: "closed", state: "stopped", errorCode: "cancelled" }]);
    expect(run.get("a")).toMatchObject({ held: true, heldFence: fence, fence: fence + 1 });
    expect(run.run.run).toMatchObject({ state: "cancelled", endedAt: null, heldCount: 1 });
    run.now += 1000;
    const released = run.release("a");
    expect(released.attempts).toEqual([{ kind: "released", ordinal: 0, fence, releasedAt: run.now }]);
    expect(run.run.run).toMatchObject({ state: "cancelled", endedAt: run.now, heldCount: 0 });
  });

  test("is final: a late outcome and a late claim are refused", () => {
    const run = new RunDriver(chain);
    const { fence } = run.claim("a");
    run.cancel();
    const late = { kind: "outcome", ordinal: 0, fence, outcome: { kind: "success", outputs: [] } } as const;
    expect(run.apply([late])).toEqual([{ accepted: false, reason: "stale_fence" }]);
    const claim = { kind: "claim", ordinal: 0, generation: 1, tryNumber: 2, workerKey: 1 } as const;
    expect(run.apply([claim, { kind: "cancel", reason: "" }])).toMatchObject([
      { reason: "illegal_state" },
      { reason: "illegal_state" },
    ]);
  });

  test("ends what waits for a retry, a time or an evaluation", () => {
    const run = new RunDriver([
      { id: "retried", retry: { maxRetries: 1 } },
      { id: "deferred" },
      { id: "evaluated", evaluated: true },
    ]);
    run.fail("retried");
    run.claim("deferred");
    run.end("deferred", { kind: "deferred", dueAt: run.now + 1000, waitsFor: "approval" });
    run.cancel();
    expect(run.run.run).toMatchObject({ state: "cancelled", endedAt: run.now });
    for (const name of ["retried", "deferred", "evaluated"]) {
      expect(run.get(name)).toMatchObject({ state: "skipped", dueAt: null, waitsFor: null, awaitsEvaluation: false });
    }
  });

  test("of a failed run leaves it failed", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b" }]);
    run.fail("a");
    run.cancel();
    expect(run.run.run).toMatchObject({ state: "failed", cancelRequested: false, endedAt: run.now });
  });

  test("tells of parents before children, whatever their order in the definition (G7)", () => {
    const run = new RunDriver([{ id: "c", parents: ["b"] }, { id: "b", parents: ["a"] }, { id: "a" }]);
    const skips = run.cancel().events.filter(({ eventType }) => eventType === "task_instance.skipped");
    expect(skips.map(({ ordinal }) => ordinal)).toEqual([2, 1, 0]);
  });

  test("counts a loss of the stopping worker as the release", () => {
    const run = new RunDriver([{ id: "a" }]);
    run.claim("a");
    run.cancel();
    const decision = run.lose("a");
    expect(decision.attempts).toMatchObject([{ kind: "released" }]);
    expect(run.get("a")).toMatchObject({ state: "skipped", infraTries: 0 });
    expect(run.run.run.endedAt).toBe(run.now);
  });
});

describe("timeouts", () => {
  test("of the run fail what runs and skip what waits", () => {
    const run = new RunDriver(
      buildPlan([...chain, { id: "waits", retry: { maxRetries: 1 } }], { runTimeoutMs: 60_000 }),
    );
    run.fail("waits");
    run.claim("a");
    run.now += 60_000;
    const decision = run.accept({ kind: "run_timeout" });
    expect(run.states("a", "b", "c", "waits")).toEqual({ a: "failed", b: "skipped", c: "skipped", waits: "skipped" });
    expect(run.get("a").reason).toBe("run_timeout");
    expect(decision.stops).toMatchObject([{ ordinal: 0, reason: "run_timeout" }]);
    expect(run.run.run).toMatchObject({ state: "failed", endedAt: null });
    run.release("a");
    expect(run.run.run.endedAt).toBe(run.now);
    expect(run.apply([{ kind: "run_timeout" }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
  });

  test("of a run in which nothing runs fail what waits for a worker, so that it is no success", () => {
    const run = new RunDriver(buildPlan(chain, { runTimeoutMs: 60_000 }));
    run.now += 60_000;
    run.accept({ kind: "run_timeout" });
    expect(run.states("a", "b", "c")).toEqual({ a: "failed", b: "skipped", c: "skipped" });
    expect(run.run.run).toMatchObject({ state: "failed", endedAt: run.now });
  });

  test("of the queue fail a task that no worker took, and nothing else", () => {
    const run = new RunDriver(chain);
    const { fence } = run.get("a");
    const timeout = { kind: "instance_timeout", ordinal: 0, fence, which: "queue_timeout" } as const;
    run.claim("a");
    expect(run.apply([timeout])).toEqual([{ accepted: false, reason: "stale_fence" }]);
    run.lose("a");
    run.accept({ ...timeout, fence: run.get("a").fence });
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "queue_timeout" });
    expect(run.state("c")).toBe("upstream_failed");
  });

  test("of all attempts together stop the one that runs", () => {
    const run = new RunDriver([{ id: "a", allowFailure: true }]);
    const { fence } = run.claim("a");
    const decision = run.accept({ kind: "instance_timeout", ordinal: 0, fence, which: "retry_timeout" });
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "retry_timeout", exempt: true, held: true });
    expect(decision.stops).toMatchObject([{ reason: "retry_timeout", fence }]);
    expect(run.run.run).toMatchObject({ state: "success", endedAt: null });
    run.release("a");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });
});

test("a retry_timeout ends what waits for an answer", () => {
  const run = new RunDriver([{ id: "a" }]);
  run.claim("a");
  run.end("a", { kind: "deferred", dueAt: run.now + 5, waitsFor: "approval" });
  run.accept({ kind: "instance_timeout", ordinal: 0, fence: run.get("a").fence, which: "retry_timeout" });
  expect(run.get("a")).toMatchObject({ state: "failed", dueAt: null, waitsFor: null });
});

test("an attempt that runs can't be released", () => {
  const run = new RunDriver([{ id: "a" }]);
  const { fence } = run.claim("a");
  expect(run.apply([{ kind: "released", ordinal: 0, fence }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
});

describe("pause", () => {
  test("makes nothing ready until it is over, while what runs goes on", () => {
    const run = new RunDriver(chain);
    run.claim("a");
    const paused = run.accept({ kind: "pause", isPaused: true });
    expect(paused.instances).toEqual([]);
    expect(run.run.run).toMatchObject({ isPaused: true, state: "running" });
    expect(run.apply([{ kind: "pause", isPaused: true }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
    const decision = run.end("a", { kind: "success", outputs: [] });
    expect(run.state("b")).toBe("queued");
    expect(decision.readyOrdinals).toEqual([]);
  });
});

describe("an evaluation", () => {
  test.each([
    ["run", { kind: "run" }, "queued", null],
    ["skip", { kind: "skip" }, "skipped", "when"],
    ["fail", { kind: "fail", errorCode: "render_failed", errorMessage: "no" }, "failed", "render_failed"],
  ] as const)("%s", (_, result, state, reason) => {
    const run = new RunDriver([
      { id: "a", evaluated: true },
      { id: "b", parents: ["a"] },
    ]);
    run.evaluate("a", result);
    expect(run.get("a")).toMatchObject({ state, reason, awaitsEvaluation: false });
    const { ordinal, generation } = run.get("a");
    expect(run.apply([{ kind: "evaluated", ordinal, generation, result }])).toMatchObject([
      { reason: "illegal_state" },
    ]);
  });

  test("of an older generation is refused", () => {
    const run = new RunDriver([{ id: "a", evaluated: true }]);
    expect(run.clear("a").evaluateOrdinals).toEqual([0]);
    const old = { kind: "evaluated", ordinal: 0, generation: 1, result: { kind: "run" } } as const;
    expect(run.apply([old])).toEqual([{ accepted: false, reason: "illegal_state" }]);
  });
});
