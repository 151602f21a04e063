import { describe, expect, test } from "vitest";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { RunDriver, someone } from "#testing/run-driver.ts";

const chain: readonly TaskSpec[] = [{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c", parents: ["b"] }];

describe("a mark or a clear", () => {
  const events = [
    { kind: "mark", ordinals: [0], state: "failed", includeDownstream: true, author: someone },
    { kind: "clear", ordinals: [0], includeDownstream: true, author: someone },
  ] as const;

  test.each(events)("that was made for another revision is refused and changes nothing ($kind)", (event) => {
    const run = new RunDriver(chain);
    run.succeed("a", "b", "c");
    expect(run.apply([{ ...event, revision: run.run.run.revision + 1 }])).toEqual([
      { accepted: false, reason: "stale_revision" },
    ]);
    expect(run.states("a", "b", "c")).toEqual({ a: "success", b: "success", c: "success" });
    expect(run.apply([{ ...event, revision: run.run.run.revision }])).toMatchObject([{ accepted: true }]);
  });
});

describe("a mark", () => {
  test("of a running task stops it and lets its children go on at once; no slot is free before the release", () => {
    const run = new RunDriver(chain);
    const { fence } = run.claim("a");
    const decision = run.mark("success", ["a"]);
    expect(decision.stops).toMatchObject([{ fence, reason: "manual" }]);
    expect(run.get("a")).toMatchObject({ state: "success", reason: "manual", held: true, fence: fence + 1 });
    expect(run.state("b")).toBe("queued");
    run.succeed("b", "c");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: null });
    run.release("a");
    expect(run.run.run.endedAt).toBe(run.now);
  });

  test("of a failed task swaps its children's counts and frees the run, but reruns nothing by itself", () => {
    const run = new RunDriver([...chain, { id: "d", parents: ["a", "b"], triggerRule: "all_done" }]);
    run.fail("a");
    run.succeed("d");
    run.mark("success", ["a"]);
    expect(run.get("b")).toMatchObject({ state: "upstream_failed", parents: { success: 1, failed: 0 }, inDegree: 0 });
    expect(run.get("d")).toMatchObject({ parents: { success: 1, upstreamFailed: 1 }, inDegree: 0 });
    expect(run.run.run.state).toBe("failed");
    run.mark("skipped", ["b", "c"]);
    expect(run.run.run.state).toBe("success");
  });

  test("lets a waiting child see the swapped end", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b" }, { id: "c", parents: ["a", "b"] }]);
    run.fail("a");
    run.mark("success", ["a"]);
    expect(run.get("c")).toMatchObject({ state: "none", inDegree: 1 });
    run.succeed("b", "c");
    expect(run.run.run.state).toBe("success");
  });

  test("of success with what is below runs that again, because its rules see the new end", () => {
    const run = new RunDriver(chain);
    run.fail("a");
    run.mark("success", ["a"], true);
    expect(run.states("a", "b", "c")).toEqual({ a: "success", b: "queued", c: "none" });
    expect(run.get("b")).toMatchObject({ generation: 2, tryNumber: 0 });
    expect(run.run.run).toMatchObject({ state: "running", endedAt: null });
    run.succeed("b", "c");
    expect(run.run.run.state).toBe("success");
  });

  test("of failure with what is below lets that fail too", () => {
    const run = new RunDriver(chain);
    run.succeed("a", "b", "c");
    run.mark("failed", ["a"], true);
    expect(run.states("a", "b", "c")).toEqual({ a: "failed", b: "upstream_failed", c: "upstream_failed" });
    expect(run.get("c").generation).toBe(2);
    expect(run.run.run.state).toBe("failed");
  });

  test("of both ends of a chain with what is below clears what is between them and keeps both", () => {
    const run = new RunDriver(chain);
    run.fail("a");
    run.mark("success", ["a", "c"], true);
    expect(run.states("a", "b", "c")).toEqual({ a: "success", b: "queued", c: "success" });
    expect(run.get("c")).toMatchObject({ generation: 1, inDegree: 1 });
    run.succeed("b");
    expect(run.get("c")).toMatchObject({ inDegree: 0, parents: { success: 1 } });
    expect(run.run.run.endedAt).toBe(run.now);
  });

  test("says who and why, with the instance and with the run", () => {
    const run = new RunDriver(chain);
    run.fail("a");
    const author = { by: "ops", note: "done by hand" };
    const { events } = run.accept({ kind: "mark", ordinals: [0], state: "success", includeDownstream: false, author });
    expect(events[0]).toMatchObject({
      eventType: "task_instance.success",
      data: { reason: "manual", by: "ops", note: "done by hand" },
    });
    expect(events.find(({ eventType }) => eventType === "dag_run.repaired")?.data).toMatchObject({
      action: "mark",
      by: "ops",
      marked: 1,
    });
  });

  test("of an item of an earlier life is refused", () => {
    const run = new RunDriver([{ id: "each", evaluated: true }]);
    run.evaluate("each", 1);
    const { ordinal } = run.get("each[0]");
    run.clear("each");
    const mark = { kind: "mark", state: "success", ordinals: [ordinal], includeDownstream: false } as const;
    expect(run.apply([{ ...mark, author: someone }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
  });

  test("of nothing, or of what is not there, is refused and keeps the cancel flag", () => {
    const run = new RunDriver(chain);
    run.cancel();
    const mark = { kind: "mark", state: "success", includeDownstream: true, author: someone } as const;
    expect(run.apply([{ ...mark, ordinals: [] }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
    expect(run.apply([{ ...mark, ordinals: [0, 3] }])).toEqual([{ accepted: false, reason: "unknown_instance" }]);
    expect(run.run.run.state).toBe("cancelled");
  });
});

describe("a clear", () => {
  test("begins a new generation of a task and all below it, with no trace of the old one but its fence", () => {
    const run = new RunDriver([...chain, { id: "other" }]);
    run.succeed("a");
    run.fail("b");
    run.succeed("other");
    const { fence } = run.get("b");
    expect(run.run.run).toMatchObject({ state: "failed", endedAt: run.now });
    const decision = run.clear("b");
    expect(run.get("b")).toMatchObject({
      state: "queued",
      generation: 2,
      fence: fence + 1,
      tryNumber: 0,
      lastError: null,
      firstStartedAt: null,
      startedAt: null,
    });
    expect(run.get("c")).toMatchObject({ state: "none", generation: 2, inDegree: 1, endedAt: null, exempt: false });
    expect(run.get("a").generation).toBe(1);
    expect(decision.outputs).toEqual([1, 2].map((ordinal) => ({ kind: "cleared", ordinal })));
    expect(run.run.run).toMatchObject({ state: "running", endedAt: null });
    run.succeed("b", "c");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
    expect(run.get("b").tryNumber).toBe(1);
  });

  test("of a running task stops it first; the next attempt waits for the release (G4)", () => {
    const run = new RunDriver([{ id: "a" }]);
    const { fence } = run.claim("a");
    const decision = run.clear("a");
    expect(decision.stops).toMatchObject([{ generation: 1, tryNumber: 1, fence }]);
    expect(decision.readyOrdinals).toEqual([]);
    expect(run.get("a")).toMatchObject({ state: "queued", held: true, heldFence: fence });
    const claim = { kind: "claim", ordinal: 0, generation: 2, tryNumber: 1, workerKey: 1 } as const;
    expect(run.apply([claim])).toEqual([{ accepted: false, reason: "held" }]);
    expect(run.release("a").readyOrdinals).toEqual([0]);
    run.succeed("a");
    expect(run.run.run.state).toBe("success");
  });

  test("twice while the first attempt still stops keeps one attempt and one release", () => {
    const run = new RunDriver([{ id: "a" }]);
    run.claim("a");
    expect(run.clear("a").stops).toHaveLength(1);
    expect(run.clear("a").stops).toHaveLength(0);
    expect(run.get("a").generation).toBe(3);
    run.release("a");
    run.succeed("a");
    expect(run.run.run.endedAt).toBe(run.now);
  });

  test("of a cancelled run takes the cancel back; what is not cleared stays skipped", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b" }]);
    run.cancel();
    run.clear("a");
    expect(run.run.run).toMatchObject({ state: "queued", cancelRequested: false });
    run.succeed("a");
    expect(run.states("a", "b")).toEqual({ a: "success", b: "skipped" });
    expect(run.run.run.state).toBe("success");
  });

  test("decides at once what its parents outside have already decided", () => {
    const run = new RunDriver([
      { id: "bad" },
      { id: "good" },
      { id: "x", parents: ["bad"] },
      { id: "y", parents: ["x", "good"] },
    ]);
    run.fail("bad");
    run.succeed("good");
    run.clear("good", "x");
    expect(run.states("good", "x", "y")).toEqual({ good: "queued", x: "upstream_failed", y: "none" });
    run.succeed("good");
    expect(run.get("y")).toMatchObject({ state: "upstream_failed", generation: 2 });
  });

  test("brings back no allowance that a failure is exempt by", () => {
    const run = new RunDriver([
      { id: "a", allowFailure: true },
      { id: "b", parents: ["a"] },
    ]);
    run.fail("a");
    expect(run.run.run).toMatchObject({ state: "success", exemptCount: 2 });
    run.clear("a");
    expect(run.run.run.exemptCount).toBe(0);
    run.succeed("a", "b");
    expect(run.run.run).toMatchObject({ state: "success", exemptCount: 0 });
  });

  test("without what is below keeps the children, which know that they wait again", () => {
    const run = new RunDriver(chain);
    run.succeed("a", "b");
    run.accept({ kind: "clear", ordinals: [0], includeDownstream: false, author: someone });
    expect(run.states("a", "b", "c")).toEqual({ a: "queued", b: "success", c: "queued" });
    expect(run.get("b")).toMatchObject({ generation: 1, inDegree: 1 });
    run.succeed("a");
    expect(run.get("b")).toMatchObject({ inDegree: 0, parents: { success: 1 } });
  });

  test("without what is below lets children that have not begun wait again", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c", parents: ["a"], evaluated: true }]);
    run.succeed("a");
    run.accept({ kind: "clear", ordinals: [0], includeDownstream: false, author: someone });
    expect(run.states("a", "b", "c")).toEqual({ a: "queued", b: "none", c: "none" });
    expect(run.get("c").awaitsEvaluation).toBe(false);
    run.succeed("a");
    expect(run.state("b")).toBe("queued");
  });

  test("tells of each task that begins again, and of who asked", () => {
    const run = new RunDriver(chain);
    run.succeed("a", "b");
    const author = { by: "ops", note: "bad input" };
    const { events } = run.accept({ kind: "clear", ordinals: [1], includeDownstream: true, author });
    expect(events.map(({ eventType, ordinal, data }) => [eventType, ordinal, data])).toEqual([
      ["task_instance.cleared", 1, { generation: 2 }],
      ["task_instance.cleared", 2, { generation: 2 }],
      ["task_instance.queued", 1, {}],
      ["dag_run.repaired", null, { action: "clear", by: "ops", note: "bad input", re_run: 2, removed: 0, marked: 0 }],
    ]);
  });

  test("of nothing, or of what is not there, is refused", () => {
    const run = new RunDriver(chain);
    const clear = { kind: "clear", includeDownstream: true, author: someone } as const;
    expect(run.apply([{ ...clear, ordinals: [] }])).toEqual([{ accepted: false, reason: "illegal_state" }]);
    expect(run.apply([{ ...clear, ordinals: [7] }])).toEqual([{ accepted: false, reason: "unknown_instance" }]);
  });
});
