import { describe, expect, test } from "vitest";
import { buildPlan, type TaskSpec } from "#testing/plan-builder.ts";
import { RunDriver, someone } from "#testing/run-driver.ts";
import type { PlannedTask } from "./repair-plan.ts";
import type { RerunTarget } from "./run-event.ts";

const chain: readonly TaskSpec[] = [{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c", parents: ["b"] }];

function version(tasks: readonly TaskSpec[], number = 2): Pick<RerunTarget, "version"> {
  return { version: { versionKey: number, version: number, plan: buildPlan(tasks) } };
}

/** The plan of the last event, as `{id: [action, before, after]}`. */
function planned(run: RunDriver): Record<string, readonly unknown[]> {
  const verdict = run.last?.verdicts[0];
  const tasks: readonly PlannedTask[] = verdict?.accepted === true ? (verdict.repair?.tasks ?? []) : [];
  return Object.fromEntries(tasks.map((task) => [task.taskId, [task.action, task.before, task.after]]));
}

describe("a rerun", () => {
  test("from failed takes what failed, what was cut short, and everything below", () => {
    const run = new RunDriver([...chain, { id: "good" }, { id: "bad" }, { id: "below", parents: ["bad"] }]);
    run.succeed("good");
    run.fail("bad");
    run.claim("a");
    run.cancel();
    run.release("a");
    run.rerun("failed");
    expect(run.states("a", "b", "c", "good", "bad", "below")).toEqual({
      a: "queued",
      b: "none",
      c: "none",
      good: "success",
      bad: "queued",
      below: "none",
    });
    expect(planned(run)).toMatchObject({
      a: ["rerun", "skipped", "queued"],
      good: ["keep", "success", "success"],
      below: ["rerun", "upstream_failed", "none"],
    });
    run.succeed("a", "b", "c", "bad", "below");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });

  test("from failed leaves alone what skipped itself, was skipped by its rule or by hand", () => {
    const run = new RunDriver([
      { id: "own", evaluated: true },
      { id: "byRule", parents: ["own"] },
      { id: "byHand" },
      { id: "bad" },
    ]);
    run.evaluate("own", { kind: "skip" });
    run.mark("skipped", ["byHand"]);
    run.fail("bad");
    run.rerun("failed");
    expect(run.states("own", "byRule", "byHand", "bad")).toEqual({
      own: "skipped",
      byRule: "skipped",
      byHand: "skipped",
      bad: "queued",
    });
  });

  test("of nothing, of an unknown task, on another revision or of an archived run is refused and changes nothing", () => {
    const run = new RunDriver(chain);
    run.succeed("a", "b", "c");
    const rerun = { kind: "rerun", from: "failed", target: null, author: someone } as const;
    expect(run.apply([rerun])).toEqual([{ accepted: false, reason: "nothing_to_do" }]);
    expect(run.apply([{ ...rerun, from: ["a", "x"] }])).toEqual([{ accepted: false, reason: "unknown_instance" }]);
    const stale = { revision: 1, version: null, parameters: null };
    expect(run.apply([{ ...rerun, from: "all", target: stale }])).toEqual([
      { accepted: false, reason: "stale_revision" },
    ]);
    run.run = { ...run.run, run: { ...run.run.run, isArchived: true } };
    const clear = { kind: "clear", ordinals: [0], includeDownstream: true, author: someone } as const;
    const refused = { accepted: false, reason: "archived" };
    expect(run.apply([rerun, clear, { ...clear, kind: "mark", state: "failed" }])).toEqual([refused, refused, refused]);
  });

  test("with other parameters begins another revision", () => {
    const run = new RunDriver(chain);
    run.fail("a");
    const parameters = { values: { name: "Ada" }, warnings: [] };
    expect(run.rerun("failed", { parameters })).toMatchObject({ parameters, run: { revision: 1, versionKey: 1 } });
    run.succeed("a", "b", "c");
    expect(run.run.run).toMatchObject({ state: "success", revision: 1 });
  });
});

describe("a rerun on another version", () => {
  test("finds its tasks by their ids, adds the new ones, removes the others, and goes by the new edges", () => {
    const run = new RunDriver([{ id: "a" }, { id: "old", parents: ["a"] }, { id: "b", parents: ["old"] }]);
    run.succeed("a");
    run.fail("old");
    const decision = run.rerun(
      "failed",
      version([{ id: "b", parents: ["fixed"] }, { id: "fixed", parents: ["a"] }, { id: "a" }]),
    );
    expect(planned(run)).toEqual({
      a: ["keep", "success", "success"],
      fixed: ["rerun", null, "queued"],
      b: ["rerun", "upstream_failed", "none"],
      old: ["remove", "failed", "removed"],
    });
    expect(run.run.instances.map(({ ordinal, task, generation }) => [ordinal, task, generation])).toEqual([
      [0, 2, 1],
      [1, 3, 1],
      [2, 0, 2],
      [3, 1, 1],
    ]);
    expect(run.run.run).toMatchObject({ versionKey: 2, revision: 1, removedTasks: ["old"], state: "running" });
    expect(decision.events.find(({ eventType }) => eventType === "dag_run.repaired")?.data).toMatchObject({
      version: 2,
      re_run: 2,
      removed: 1,
    });
    run.succeed("fixed", "b");
    expect(run.run.run).toMatchObject({ state: "success", counts: { success: 3, removed: 1 } });
  });

  test("stops what runs of a removed task and holds its slot until it is gone", () => {
    const run = new RunDriver([{ id: "a" }, { id: "gone" }]);
    run.succeed("a");
    const { fence } = run.claim("gone", 5);
    expect(run.rerun("failed", version([{ id: "a" }])).stops).toMatchObject([{ ordinal: 1, fence, workerKey: 5 }]);
    expect(run.run.run).toMatchObject({ state: "success", endedAt: null, heldCount: 1 });
    run.release("gone");
    expect(run.run.run.endedAt).toBe(run.now);
  });

  test("gives a task that comes back its old instance, in a new generation", () => {
    const run = new RunDriver([{ id: "a" }, { id: "b" }]);
    run.succeed("a", "b");
    run.rerun("all", version([{ id: "a" }]));
    expect(run.state("b")).toBe("removed");
    run.rerun("failed", version([{ id: "b" }, { id: "a" }], 3));
    expect(run.get("b")).toMatchObject({ ordinal: 1, task: 0, generation: 2, state: "queued" });
    expect(run.run.run).toMatchObject({ removedTasks: [], revision: 2 });
  });

  test("lets run again what is below a new task, and what began before a parent that it now has", () => {
    const run = new RunDriver([{ id: "a" }, { id: "slow" }, { id: "b" }, { id: "c" }]);
    run.succeed("a", "b", "c");
    run.claim("slow");
    run.rerun(
      "failed",
      version([
        { id: "a" },
        { id: "slow" },
        { id: "new" },
        { id: "b", parents: ["new"] },
        { id: "c", parents: ["slow"] },
      ]),
    );
    expect(run.states("a", "slow", "new", "b", "c")).toEqual({
      a: "success",
      slow: "running",
      new: "queued",
      b: "none",
      c: "none",
    });
  });

  test("decides at once what waits by edges and rules that changed", () => {
    const run = new RunDriver([
      { id: "slow" },
      { id: "good" },
      { id: "waits", parents: ["slow"] },
      { id: "early", parents: ["slow", "good"], triggerRule: "one_success" },
    ]);
    run.claim("slow");
    run.succeed("good");
    expect(run.states("waits", "early")).toEqual({ waits: "none", early: "queued" });
    run.rerun(
      "failed",
      version([
        { id: "slow" },
        { id: "good" },
        { id: "waits", parents: ["good"] },
        { id: "early", parents: ["slow", "good"] },
      ]),
    );
    expect(run.states("waits", "early")).toEqual({ waits: "queued", early: "none" });
  });

  test("keeps the items of a fan-out with their group", () => {
    const run = new RunDriver([{ id: "each", evaluated: true }, { id: "bad" }]);
    run.evaluate("each", 2);
    run.succeed("each[0]");
    run.fail("bad");
    run.rerun("failed", version([{ id: "bad" }, { id: "new" }, { id: "each", evaluated: true }]));
    expect(run.get("each[1]")).toMatchObject({ ordinal: 3, task: 2, state: "queued" });
    run.succeed("each[1]", "bad", "new");
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });
});
