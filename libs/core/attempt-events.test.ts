import { describe, expect, test } from "vitest";
import { buildFailure, RunDriver } from "#testing/run-driver.ts";
import { decideRun } from "./decide-run.ts";
import type { AttemptClosed } from "./attempt-change.ts";
import type { Decision } from "./decision.ts";

function closedBy(decision: Decision | null): readonly AttemptClosed[] {
  return (decision?.attempts ?? []).filter((change) => change.kind === "closed");
}

describe("a claim", () => {
  test("opens the attempt under a new fence and holds the instance", () => {
    const run = new RunDriver([{ id: "a" }]);
    const { fence } = run.get("a");
    expect(run.claim("a", 9)).toMatchObject({
      state: "running",
      fence: fence + 1,
      held: true,
      heldFence: fence + 1,
      tryNumber: 1,
      workerKey: 9,
      startedAt: run.now,
      firstStartedAt: run.now,
    });
    expect(run.last?.attempts).toEqual([
      { kind: "opened", ordinal: 0, generation: 1, tryNumber: 1, fence: fence + 1, workerKey: 9, startedAt: run.now },
    ]);
    expect(run.run.run).toMatchObject({ state: "running", startedAt: run.now, everStarted: true, heldCount: 1 });
  });

  test("succeeds for one of two workers that come in one batch (G3)", () => {
    const run = new RunDriver([{ id: "a" }]);
    const claim = { kind: "claim", ordinal: 0, generation: 1, tryNumber: 1 } as const;
    const verdicts = run.apply([
      { ...claim, workerKey: 1 },
      { ...claim, workerKey: 2 },
    ]);
    expect(verdicts).toMatchObject([{ accepted: true }, { accepted: false, reason: "illegal_state" }]);
    expect(run.get("a").workerKey).toBe(1);
  });

  test.each([
    ["of another generation", { generation: 2 }, "stale_fence"],
    ["of another try", { tryNumber: 2 }, "stale_fence"],
    ["of a task that waits", { ordinal: 1 }, "illegal_state"],
    ["of nothing", { ordinal: 9 }, "unknown_instance"],
  ] as const)("%s is refused", (_, given, reason) => {
    const run = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }]);
    const verdicts = run.apply([{ kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1, ...given }]);
    expect(verdicts).toEqual([{ accepted: false, reason }]);
  });

  test("waits while the run is paused", () => {
    const run = new RunDriver([{ id: "a" }]);
    run.accept({ kind: "pause", isPaused: true });
    const claim = { kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 } as const;
    expect(run.apply([claim])).toEqual([{ accepted: false, reason: "paused" }]);
    run.accept({ kind: "pause", isPaused: false });
    expect(run.apply([claim])).toMatchObject([{ accepted: true }]);
  });
});

describe("an outcome", () => {
  test("settles once: the same one again, or one of an older fence, is refused (G5)", () => {
    const run = new RunDriver([{ id: "a", retry: { maxRetries: 1, delayMs: 1 } }]);
    const first = run.claim("a");
    const outcome = { kind: "failed", outputs: [], failure: buildFailure() } as const;
    run.end("a", outcome);
    const late = { kind: "outcome", ordinal: 0, fence: first.fence, outcome } as const;
    expect(run.apply([late])).toEqual([{ accepted: false, reason: "illegal_state" }]);
    run.now += 10;
    run.accept({ kind: "retry_due", ordinal: 0, fence: run.get("a").fence });
    run.claim("a");
    expect(run.apply([late])).toEqual([{ accepted: false, reason: "stale_fence" }]);
    expect(run.state("a")).toBe("running");
  });

  test("of success leaves outputs, each with its event, and queues the children", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }]);
    run.claim("a");
    const decision = run.end("a", { kind: "success", outputs: [{ key: "rows", json: "42" }] });
    expect(decision.outputs).toEqual([
      { kind: "written", ordinal: 0, generation: 1, key: "rows", json: "42", at: run.now },
    ]);
    expect(decision.events.map(({ eventType }) => eventType)).toEqual([
      "xcom.created",
      "task_instance.success",
      "task_instance.queued",
    ]);
    expect(decision.readyOrdinals).toEqual([1]);
  });

  test("of failure leaves outputs only where partial ones are kept", () => {
    const outputs = [{ key: "k", json: "1" }];
    for (const keepPartialOutputs of [false, true]) {
      const run = new RunDriver([{ id: "a", keepPartialOutputs }]);
      run.claim("a");
      const decision = run.end("a", { kind: "failed", outputs, failure: buildFailure() });
      expect(decision.outputs).toHaveLength(keepPartialOutputs ? 1 : 0);
    }
  });

  test("of a skip that the worker obeyed ends the task skipped, and its child with it", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }]);
    run.claim("a");
    run.end("a", { kind: "skipped" });
    expect(run.states("a", "b")).toEqual({ a: "skipped", b: "skipped" });
    expect(run.run.run.state).toBe("success");
  });

  test("hands the slot on: what it makes ready is claimed in the same decision, and nothing else is ready then", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c", parents: ["a"], priority: 1 }]);
    const { fence } = run.claim("a");
    let slots = 1;
    run.apply([{ kind: "outcome", ordinal: 0, fence, outcome: { kind: "success", outputs: [] } }], () =>
      slots-- > 0 ? 4 : null,
    );
    expect(run.states("b", "c")).toEqual({ b: "queued", c: "running" });
    expect(run.last?.readyOrdinals).toEqual([1]);
    expect(run.get("c")).toMatchObject({ workerKey: 4, tryNumber: 1 });
  });
});

describe("a retry", () => {
  test("comes when its delay is over, as the next try under a new fence, until the retries are used", () => {
    const run = new RunDriver([{ id: "a", retry: { maxRetries: 2 } }]);
    const begin = run.now;
    for (const [tryNumber, delayMs] of [
      [1, 30_000],
      [2, 60_000],
    ] as const) {
      const decision = run.fail("a");
      expect(closedBy(decision)).toMatchObject([
        {
          tryNumber,
          state: "failed",
          exitCode: 1,
          retryReason: "retriable_exit_code",
          backoffDelayMs: delayMs,
          nextRetryAt: run.now + delayMs,
        },
      ]);
      expect(run.get("a")).toMatchObject({ state: "up_for_retry", dueAt: run.now + delayMs, held: false });
      expect(run.run.run.state).toBe("up_for_retry");
      const { fence } = run.get("a");
      run.now += delayMs - 1;
      expect(run.apply([{ kind: "retry_due", ordinal: 0, fence }])).toEqual([{ accepted: false, reason: "not_due" }]);
      run.now += 1;
      run.accept({ kind: "retry_due", ordinal: 0, fence });
      expect(run.get("a")).toMatchObject({ state: "queued", dueAt: null, fence: fence + 1, firstStartedAt: begin });
    }
    const last = run.fail("a");
    expect(closedBy(last)).toMatchObject([{ tryNumber: 3, retryReason: "max_retries_exceeded", nextRetryAt: null }]);
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "max_retries_exceeded", lastError: "exit 1" });
  });

  test("without cost comes at once", () => {
    const run = new RunDriver([{ id: "a" }]);
    run.fail("a", { code: "interrupted", exitCode: null });
    expect(run.get("a")).toMatchObject({ state: "queued", freeTries: 1, dueAt: null });
    expect(run.last?.readyOrdinals).toEqual([0]);
    run.fail("a");
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "max_retries_exceeded" });
  });

  test("does not come once all attempts together would exceed retry_timeout", () => {
    const run = new RunDriver([{ id: "a", retry: { maxRetries: 9, retryTimeoutMs: 100_000, jitter: 0 } }]);
    run.fail("a");
    run.now += 30_000;
    run.accept({ kind: "retry_due", ordinal: 0, fence: run.get("a").fence });
    run.now += 20_000;
    run.fail("a");
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "retry_timeout", tryNumber: 2 });
  });

  test("does not come after its own timeout beyond the retries: the reason says timed_out", () => {
    const run = new RunDriver([{ id: "a" }]);
    run.fail("a", { code: "timeout", exitCode: null });
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "timed_out" });
  });
});

describe("a lost worker", () => {
  test("costs its own allowance, not the task's retries, and the task goes to the queue at once", () => {
    const run = new RunDriver([{ id: "a", retry: { maxInfraRetries: 2 } }]);
    for (const infraTries of [1, 2]) {
      const { fence } = run.claim("a");
      expect(closedBy(run.lose("a"))).toMatchObject([
        { state: "lost", errorCode: "worker_lost", retryReason: "worker_lost" },
      ]);
      expect(run.get("a")).toMatchObject({ state: "queued", infraTries, held: false });
      expect(run.get("a").fence).toBeGreaterThan(fence);
    }
    run.claim("a");
    run.lose("a");
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "worker_lost", tryNumber: 3 });
  });

  test("that gave the attempt up in a drain costs nothing", () => {
    const run = new RunDriver([{ id: "a", retry: { maxInfraRetries: 0 } }]);
    run.claim("a");
    run.lose("a", true);
    expect(run.get("a")).toMatchObject({ state: "queued", infraTries: 0, freeTries: 1 });
  });

  test("ends a task that is not idempotent", () => {
    const run = new RunDriver([{ id: "a", allowFailure: true, retry: { idempotent: false } }]);
    run.claim("a");
    run.lose("a", true);
    expect(run.get("a")).toMatchObject({ state: "failed", reason: "not_idempotent", exempt: true });
    expect(run.run.run.state).toBe("success");
  });

  test("can't report any more: its fence is old", () => {
    const run = new RunDriver([{ id: "a" }]);
    const { fence } = run.claim("a");
    run.lose("a");
    const verdicts = run.apply([{ kind: "outcome", ordinal: 0, fence, outcome: { kind: "success", outputs: [] } }]);
    expect(verdicts).toEqual([{ accepted: false, reason: "stale_fence" }]);
    expect(run.apply([{ kind: "lost", ordinal: 0, fence, free: false }])).toEqual([
      { accepted: false, reason: "stale_fence" },
    ]);
  });
});

describe("a deferral", () => {
  test("frees the slot, waits for its time, and costs no retry", () => {
    const run = new RunDriver([{ id: "a", retry: { maxRetries: 1 } }]);
    run.claim("a");
    const dueAt = run.now + 60_000;
    const decision = run.end("a", { kind: "deferred", dueAt, waitsFor: null });
    expect(closedBy(decision)).toMatchObject([{ state: "deferred" }]);
    expect(decision.readyOrdinals).toEqual([]);
    expect(run.get("a")).toMatchObject({ state: "queued", reason: "deferred", dueAt, held: false, workerKey: 1 });
    const claim = { kind: "claim", ordinal: 0, generation: 1, tryNumber: 2, workerKey: 1 } as const;
    expect(run.apply([claim])).toEqual([{ accepted: false, reason: "not_due" }]);
    run.now = dueAt;
    run.fail("a");
    expect(run.get("a")).toMatchObject({ state: "up_for_retry", tryNumber: 2, freeTries: 1 });
    expect(closedBy(run.last)).toMatchObject([{ backoffDelayMs: 30_000 }]);
  });

  test("that waits for something is not to be had until a person ends it", () => {
    const run = new RunDriver([{ id: "a" }]);
    run.claim("a");
    run.end("a", { kind: "deferred", dueAt: null, waitsFor: "approval" });
    expect(run.apply([{ kind: "claim", ordinal: 0, generation: 1, tryNumber: 2, workerKey: 1 }])).toEqual([
      { accepted: false, reason: "illegal_state" },
    ]);
    run.mark("success", ["a"]);
    expect(run.get("a")).toMatchObject({ state: "success", waitsFor: null });
  });
});

test("a batch whose events are all refused is no decision", () => {
  const run = new RunDriver([{ id: "a" }]);
  const stale = { kind: "outcome", ordinal: 0, fence: 9, outcome: { kind: "skipped" } } as const;
  expect(decideRun(run.run, [stale, { kind: "released", ordinal: 0, fence: 1 }], run.now)).toBeNull();
});
