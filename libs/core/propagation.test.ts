import { describe, expect, test } from "vitest";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { RunDriver } from "#testing/run-driver.ts";
import { decideRun } from "./decide-run.ts";

describe("a failure", () => {
  test("leaves its descendants upstream_failed without an attempt, and lets siblings and all_done go on", () => {
    const run = new RunDriver([
      { id: "extract" },
      { id: "transform", parents: ["extract"] },
      { id: "load", parents: ["transform"] },
      { id: "sibling" },
      { id: "cleanup", parents: ["load", "sibling"], triggerRule: "all_done" },
    ]);
    run.fail("extract");
    expect(run.run.run.state).toBe("failed");
    expect(run.states("transform", "load", "cleanup")).toEqual({
      transform: "upstream_failed",
      load: "upstream_failed",
      cleanup: "none",
    });
    run.succeed("sibling", "cleanup");
    expect(run.run.run).toMatchObject({ state: "failed", endedAt: run.now });
    expect(run.get("load")).toMatchObject({ tryNumber: 0, startedAt: null });
  });

  test("is told of as a skip with its state, parent before child", () => {
    const run = new RunDriver([{ id: "c", parents: ["b"] }, { id: "b", parents: ["a"] }, { id: "a" }]);
    const { events } = run.fail("a");
    expect(events.map(({ eventType, ordinal, data }) => [eventType, ordinal, data["state"]])).toEqual([
      ["task_instance.failed", 2, undefined],
      ["task_instance.skipped", 1, "upstream_failed"],
      ["task_instance.skipped", 0, "upstream_failed"],
      ["dag_run.failed", null, undefined],
      ["dag_run.ended", null, "failed"],
    ]);
  });

  test("of a task that is allowed to fail does not fail the run, nor does what stems from it alone", () => {
    const run = new RunDriver([
      { id: "optional", allowFailure: true },
      { id: "after", parents: ["optional"] },
      { id: "later", parents: ["after"] },
      { id: "ok", parents: ["optional"], triggerRule: "all_done" },
    ]);
    run.fail("optional");
    expect(run.run.run).toMatchObject({ state: "running", exemptCount: 3 });
    run.succeed("ok");
    expect(run.states("after", "later")).toEqual({ after: "upstream_failed", later: "upstream_failed" });
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });

  test("that comes from an exempt and an ordinary parent is not exempt", () => {
    const run = new RunDriver([
      { id: "optional", allowFailure: true },
      { id: "needed" },
      { id: "both", parents: ["optional", "needed"] },
    ]);
    run.fail("optional");
    expect(run.state("both")).toBe("none");
    run.fail("needed");
    expect(run.get("both")).toMatchObject({ state: "upstream_failed", exempt: false });
    expect(run.run.run).toMatchObject({ state: "failed", exemptCount: 1 });
  });
});

describe("edges", () => {
  test("on failure turn a failure into what starts the child, and a success into a skip", () => {
    const specs: readonly TaskSpec[] = [
      { id: "work" },
      { id: "rescue", parents: ["work:failure"] },
      { id: "report", parents: ["work:completion"] },
    ];
    const broken = new RunDriver(specs);
    broken.fail("work");
    expect(broken.states("rescue", "report")).toEqual({ rescue: "queued", report: "queued" });
    const fine = new RunDriver(specs);
    fine.succeed("work");
    expect(fine.states("rescue", "report")).toEqual({ rescue: "skipped", report: "queued" });
  });
});

describe("early rules", () => {
  test("one_success starts with the first success, and counts the others all the same", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b" }, { id: "c", parents: ["a", "b"], triggerRule: "one_success" }]);
    run.fail("a");
    expect(run.state("c")).toBe("none");
    run.succeed("b");
    expect(run.state("c")).toBe("queued");
    const other = new RunDriver([
      { id: "a" },
      { id: "b" },
      { id: "c", parents: ["a", "b"], triggerRule: "one_failed" },
    ]);
    other.fail("a");
    other.succeed("c", "b");
    expect(other.get("c")).toMatchObject({ state: "success", inDegree: 0 });
    expect(other.run.run.state).toBe("failed");
  });
});

describe("two parents that end in one batch", () => {
  test("are both counted", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b" }, { id: "c", parents: ["a", "b"] }]);
    const [a, b] = [run.claim("a"), run.claim("b")];
    const outcome = { kind: "success", outputs: [] } as const;
    run.apply([
      { kind: "outcome", ordinal: a.ordinal, fence: a.fence, outcome },
      { kind: "outcome", ordinal: b.ordinal, fence: b.fence, outcome },
    ]);
    expect(run.get("c")).toMatchObject({ state: "queued", inDegree: 0 });
    expect(run.last?.instances.filter(({ next }) => next.ordinal === 2)).toHaveLength(1);
  });
});

describe("size", () => {
  const size = 10_000;
  const chain = Array.from({ length: size }, (_, index): TaskSpec => {
    return { id: `t${index}`, parents: index === 0 ? [] : [`t${index - 1}`] };
  });

  test("a chain of 10,000 tasks falls in one decision", () => {
    const run = new RunDriver(chain);
    const decision = run.fail("t0");
    expect(decision.instances).toHaveLength(size);
    expect(run.run.run).toMatchObject({ state: "failed", endedAt: run.now });
    expect(run.run.run.counts.upstream_failed).toBe(size - 1);
  });

  test("it is cancelled and rerun whole as well", () => {
    const run = new RunDriver(chain);
    run.succeed("t0");
    run.cancel();
    expect(run.run.run.counts.skipped).toBe(size - 1);
    run.clear("t0");
    expect(run.run.run.counts).toMatchObject({ none: size - 1, queued: 1 });
    run.mark("failed", ["t0"], true);
    expect(run.run.run.counts).toMatchObject({ failed: 1, upstream_failed: size - 1 });
  });

  test("1,000 parents of one child that end in one batch queue it once", () => {
    const parents = Array.from({ length: 1000 }, (_, index): TaskSpec => ({ id: `p${index}` }));
    const run = new RunDriver([{ id: "join", parents: parents.map(({ id }) => id) }, ...parents]);
    const rows = run.run.instances.filter(({ state }) => state === "queued");
    run.apply(rows.map(({ ordinal }) => ({ kind: "claim", ordinal, generation: 1, tryNumber: 1, workerKey: 1 })));
    run.apply(
      rows.map(({ ordinal }) => ({ kind: "outcome", ordinal, fence: 1, outcome: { kind: "success", outputs: [] } })),
    );
    expect(run.get("join")).toMatchObject({ state: "queued", inDegree: 0, parents: { success: 1000 } });
    expect(run.last?.readyOrdinals).toEqual([0]);
    const joined = run.last?.events.filter(({ ordinal }) => ordinal === 0);
    expect(joined).toHaveLength(1);
  });

  test("a fan-out of 1,000 items ends with the last of them", () => {
    const run = new RunDriver([
      { id: "each", evaluated: true },
      { id: "after", parents: ["each"] },
    ]);
    run.evaluate("each", 1000);
    const items = run.run.instances.filter(({ mapIndex }) => mapIndex !== null);
    run.apply(items.map(({ ordinal }) => ({ kind: "claim", ordinal, generation: 1, tryNumber: 1, workerKey: 1 })));
    const ends = items.map(({ ordinal }) => ({
      kind: "outcome" as const,
      ordinal,
      fence: 1,
      outcome: { kind: "success" as const, outputs: [] },
    }));
    run.apply(ends.slice(0, -1));
    expect(run.states("each", "after")).toEqual({ each: "running", after: "none" });
    run.apply(ends.slice(-1));
    expect(run.states("each", "after")).toEqual({ each: "success", after: "queued" });
  });

  test("10,000 unknown ordinals are refused one by one", () => {
    const run = new RunDriver([{ id: "a" }]);
    const events = Array.from({ length: size }, (_, index) => ({
      kind: "released" as const,
      ordinal: index + 1,
      fence: 1,
    }));
    expect(decideRun(run.run, events, run.now)).toBeNull();
  });
});
