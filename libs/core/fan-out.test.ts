import { describe, expect, test } from "vitest";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { RunDriver } from "#testing/run-driver.ts";

const specs: readonly TaskSpec[] = [
  { id: "each", evaluated: true },
  { id: "after", parents: ["each"] },
];

/** A run whose first task has fanned out. */
function fannedOut(items: number, given: Partial<TaskSpec> = {}): RunDriver {
  const run = new RunDriver(specs.map((spec) => (spec.id === "each" ? { ...spec, ...given } : spec)));
  run.evaluate("each", items);
  return run;
}

describe("a fan-out", () => {
  test("makes one queued item per element, which are ready while the group is not", () => {
    const run = fannedOut(3);
    expect(run.last?.readyOrdinals).toEqual(run.ordinals("each[0]", "each[1]", "each[2]"));
    expect(run.get("each")).toMatchObject({ state: "queued", mapIndex: null, itemsTotal: 3 });
    expect(run.get("each[2]")).toMatchObject({ state: "queued", mapIndex: 2, itemKey: "2", ordinal: 4, tryNumber: 0 });
    expect(run.run.run.counts).toMatchObject({ queued: 1, none: 1 });
    expect(run.apply([{ kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 }])).toEqual([
      { accepted: false, reason: "illegal_state" },
    ]);
  });

  test("gives items of a later generation fences that no earlier item of their place had", () => {
    const run = fannedOut(1);
    run.fail("each[0]");
    run.accept({
      kind: "clear",
      ordinals: run.ordinals("each"),
      includeDownstream: true,
      author: { by: "test", note: "" },
    });
    run.evaluate("each", 1);
    const [old, fresh] = run.run.instances.filter(({ mapIndex }) => mapIndex === 0);
    expect(fresh?.fence).toBeGreaterThanOrEqual(old?.fence ?? Number.POSITIVE_INFINITY);
  });

  test("runs from its first item's start to its last item's end; only then its children see it", () => {
    const run = fannedOut(2);
    run.claim("each[1]");
    expect(run.state("each")).toBe("running");
    run.end("each[1]", { kind: "success", outputs: [{ key: "k", json: "1" }] });
    expect(run.states("each", "after")).toEqual({ each: "running", after: "none" });
    run.succeed("each[0]");
    expect(run.states("each", "after")).toEqual({ each: "success", after: "queued" });
    run.succeed("after");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });

  test("fails when an item failed for good, but lets the others go on first", () => {
    const run = fannedOut(3, { retry: { maxRetries: 1, delayMs: 1 } });
    run.fail("each[0]");
    expect(run.states("each", "each[0]")).toEqual({ each: "running", "each[0]": "up_for_retry" });
    run.now += 10;
    run.accept({ kind: "retry_due", ordinal: run.get("each[0]").ordinal, fence: run.get("each[0]").fence });
    run.fail("each[0]");
    expect(run.states("each", "each[0]")).toEqual({ each: "running", "each[0]": "failed" });
    expect(run.run.run.state).toBe("running");
    run.succeed("each[1]", "each[2]");
    expect(run.get("each")).toMatchObject({
      state: "failed",
      reason: "items_failed",
      lastError: "1 of 3 items failed",
    });
    expect(run.state("after")).toBe("upstream_failed");
    expect(run.run.run.state).toBe("failed");
  });

  test("that is allowed to fail fails without failing the run, and counts once", () => {
    const run = fannedOut(2, { allowFailure: true });
    run.fail("each[0]");
    run.fail("each[1]");
    expect(run.get("each")).toMatchObject({ state: "failed", exempt: true });
    expect(run.run.run).toMatchObject({ state: "success", exemptCount: 2 });
  });

  test("of nothing succeeds with an empty list", () => {
    const run = fannedOut(0);
    expect(run.get("each")).toMatchObject({ state: "success", reason: "empty_for_each" });
    expect(run.last?.outputs).toMatchObject([{ kind: "written", ordinal: 0, key: "items", json: "[]" }]);
    expect(run.state("after")).toBe("queued");
  });

  test("whose items are all skipped succeeds", () => {
    const run = fannedOut(1);
    run.claim("each[0]");
    run.end("each[0]", { kind: "skipped" });
    expect(run.state("each")).toBe("success");
  });

  test("does not time out itself: its items do", () => {
    const run = fannedOut(1);
    const { ordinal, fence } = run.get("each");
    for (const which of ["queue_timeout", "retry_timeout"] as const) {
      const verdicts = run.apply([{ kind: "instance_timeout", ordinal, fence, which }]);
      expect(verdicts).toEqual([{ accepted: false, reason: "illegal_state" }]);
    }
    const item = run.get("each[0]");
    run.accept({ kind: "instance_timeout", ordinal: item.ordinal, fence: item.fence, which: "queue_timeout" });
    expect(run.states("each", "each[0]", "after")).toEqual({
      each: "failed",
      "each[0]": "failed",
      after: "upstream_failed",
    });
  });

  test("takes no outcome for its group, whatever the fence", () => {
    const run = fannedOut(1);
    run.claim("each[0]");
    const { ordinal, fence } = run.get("each");
    const verdicts = run.apply([{ kind: "outcome", ordinal, fence, outcome: { kind: "success", outputs: [] } }]);
    expect(verdicts).toEqual([{ accepted: false, reason: "illegal_state" }]);
  });
});

describe("what ends a group from outside ends its items", () => {
  test("cancel: each running item gets a stop order, and the run waits for each release", () => {
    const run = fannedOut(3);
    run.claim("each[0]");
    run.claim("each[1]");
    expect(run.cancel().stops).toHaveLength(2);
    expect(run.states("each", "each[0]", "each[2]")).toEqual({
      each: "skipped",
      "each[0]": "skipped",
      "each[2]": "skipped",
    });
    run.release("each[0]");
    expect(run.run.run).toMatchObject({ state: "cancelled", endedAt: null, heldCount: 1 });
    run.release("each[1]");
    expect(run.run.run).toMatchObject({ endedAt: run.now, heldCount: 0 });
  });

  test("the run's timeout: running items fail, waiting ones are skipped", () => {
    const run = fannedOut(2);
    run.claim("each[0]");
    run.accept({ kind: "run_timeout" });
    expect(run.states("each", "each[0]", "each[1]")).toEqual({
      each: "failed",
      "each[0]": "failed",
      "each[1]": "skipped",
    });
  });

  test("a mark of the group: its items are skipped, its children go on", () => {
    const run = fannedOut(2);
    run.claim("each[0]");
    const decision = run.mark("success", ["each"]);
    expect(decision.stops).toHaveLength(1);
    expect(run.states("each", "each[0]", "each[1]", "after")).toEqual({
      each: "success",
      "each[0]": "skipped",
      "each[1]": "skipped",
      after: "queued",
    });
  });
});

describe("a mark of an item", () => {
  test("counts as its end", () => {
    const run = fannedOut(2);
    run.succeed("each[0]");
    run.mark("skipped", ["each[1]"]);
    expect(run.state("each")).toBe("success");
  });

  test("takes a failure back while the others go on", () => {
    const run = fannedOut(2);
    run.fail("each[0]");
    run.mark("success", ["each[0]"]);
    expect(run.get("each")).toMatchObject({ state: "running", itemsFailed: 0 });
    run.succeed("each[1]");
    expect(run.state("each")).toBe("success");
  });

  test("turns the end of its group with it, and its children's counts", () => {
    const run = fannedOut(2);
    run.fail("each[0]");
    run.succeed("each[1]");
    run.mark("success", ["each[0]"]);
    expect(run.states("each", "after")).toEqual({ each: "success", after: "upstream_failed" });
    expect(run.get("after").parents).toMatchObject({ success: 1, failed: 0 });
    run.mark("failed", ["each[1]"]);
    expect(run.get("each")).toMatchObject({ state: "failed", reason: "items_failed" });
  });

  test("changes nothing of a group that was itself ended by hand", () => {
    const run = fannedOut(1);
    run.fail("each[0]");
    run.mark("success", ["each"]);
    run.mark("failed", ["each[0]"]);
    expect(run.get("each")).toMatchObject({ state: "success", reason: "manual" });
  });

  test("with what is below clears the tasks below its group, not the group", () => {
    const run = fannedOut(1);
    run.fail("each[0]");
    run.mark("success", ["each[0]"], true);
    expect(run.states("each", "each[0]", "after")).toEqual({ each: "success", "each[0]": "success", after: "queued" });
    expect(run.get("after").generation).toBe(2);
  });
});

describe("a rerun of a group", () => {
  test("removes its items with their outputs and evaluates it again", () => {
    const run = fannedOut(2);
    run.succeed("each[0]", "each[1]", "after");
    const [first, second] = run.ordinals("each[0]", "each[1]");
    const decision = run.clear("each");
    expect(decision.evaluateOrdinals).toEqual([0]);
    expect(decision.outputs.map(({ ordinal }) => ordinal)).toEqual([first, second, 0, 1]);
    expect(run.run.instances[first ?? 0]?.state).toBe("removed");
    run.evaluate("each", 1);
    expect(run.get("each[0]")).toMatchObject({ ordinal: 4, generation: 2, state: "queued" });
    run.succeed("each[0]", "after");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });

  test("by one of its items is a rerun of the whole group", () => {
    const run = fannedOut(2);
    run.succeed("each[0]");
    run.clear("each[0]");
    expect(run.get("each")).toMatchObject({ generation: 2, itemsTotal: 0, awaitsEvaluation: true });
  });

  test("fans out only when the old items are gone, and is named again then (G4)", () => {
    const run = fannedOut(2);
    const old = [run.claim("each[0]"), run.claim("each[1]")];
    expect(run.clear("each").stops).toHaveLength(2);
    const evaluated = {
      kind: "evaluated",
      ordinal: 0,
      generation: 2,
      result: { kind: "fan_out", items: [{ key: "0" }] },
    } as const;
    expect(run.apply([evaluated])).toEqual([{ accepted: false, reason: "held" }]);
    const releases = old.map(({ ordinal, fence }) => run.accept({ kind: "released", ordinal, fence }).evaluateOrdinals);
    expect(releases).toEqual([[], [0]]);
    run.accept(evaluated);
    expect(run.get("each[0]")).toMatchObject({ held: false, heldFence: 0 });
    run.succeed("each[0]");
    expect(run.state("each")).toBe("success");
  });

  test("whose task once ran as a whole begins its items unheld", () => {
    const run = new RunDriver(specs);
    run.evaluate("each", { kind: "run" });
    const { fence } = run.claim("each");
    run.clear("each");
    const evaluated = {
      kind: "evaluated",
      ordinal: 0,
      generation: 2,
      result: { kind: "fan_out", items: [{ key: "0" }] },
    } as const;
    expect(run.apply([evaluated])).toEqual([{ accepted: false, reason: "held" }]);
    expect(run.accept({ kind: "released", ordinal: 0, fence }).evaluateOrdinals).toEqual([0]);
    run.accept(evaluated);
    run.succeed("each[0]");
    expect(run.states("each", "after")).toEqual({ each: "success", after: "queued" });
  });
});
