import { describe, expect, test } from "vitest";
import { buildPlan } from "#testing/plan-builder.ts";
import { hookSpec } from "#testing/hook-spec.ts";
import { buildFailure, RunDriver } from "#testing/run-driver.ts";
import { endedView } from "./ended-view.ts";

const hooks = [
  hookSpec(["a"], "task", "success"),
  hookSpec(["a"], "task", "failure"),
  hookSpec(["a", "b"], "run", "success"),
  hookSpec(["a", "b"], "run", "failure"),
];

function start(): RunDriver {
  return new RunDriver(buildPlan([{ id: "a", retry: { maxRetries: 1, delayMs: 0 } }, { id: "b" }, ...hooks]));
}

function viewOf(run: RunDriver, id: string): unknown {
  const hook = hooks.find((each) => each.id === id)?.hook;
  if (hook === undefined) throw new Error(`there is no hook ${id}`);
  return endedView(run.run, run.get(id), hook);
}

describe("what a hook is told", () => {
  test("of a task that failed: its last error, and how long all attempts took", () => {
    const run = start();
    run.fail("a", { message: "first" });
    run.now += 2000;
    run.claim("a");
    run.now += 500;
    run.end("a", failure("second"));
    expect(viewOf(run, "a.on_failure")).toEqual({
      task_id: "a",
      state: "failed",
      error: "second",
      duration_ms: 2500,
      failed_count: 1,
      failed_tasks: [{ task_id: "a", error: "second" }],
      message: "task a in run run of dag failed: second",
    });
  });

  test("of a task that succeeded in its second attempt: no error", () => {
    const run = start();
    run.fail("a", { message: "first" });
    run.succeed("a");
    expect(viewOf(run, "a.on_success")).toMatchObject({
      state: "success",
      error: "",
      failed_count: 0,
      failed_tasks: [],
      message: "task a in run run of dag succeeded",
    });
  });

  test("of a task that never started: no duration, and the reason in place of an error", () => {
    const run = start();
    run.mark("failed", ["a"]);
    expect(viewOf(run, "a.on_failure")).toMatchObject({ duration_ms: null, error: "manual" });
  });

  test("of a run that failed: the tasks that failed it, without those that were never called and without hooks", () => {
    const specs = [
      { id: "a" },
      { id: "b" },
      { id: "below", parents: ["a"] },
      { id: "allowed", allowFailure: true },
      hookSpec(["b"], "task", "failure"),
      hookSpec(["a", "b", "below", "allowed"], "run", "failure"),
    ];
    const run = new RunDriver(buildPlan(specs));
    run.fail("a", { message: "out of disk" });
    run.fail("allowed");
    run.now += 1000;
    run.fail("b", { message: "no such host" });
    run.now += 1000;
    run.fail("b.on_failure");
    expect(endedView(run.run, run.get(".on_failure"), { of: "run", on: "failure" })).toEqual({
      task_id: null,
      state: "failed",
      error: "out of disk",
      duration_ms: 1000,
      failed_count: 2,
      failed_tasks: [
        { task_id: "a", error: "out of disk" },
        { task_id: "b", error: "no such host" },
      ],
      message: "run run of dag failed\na: out of disk\nb: no such host",
    });
  });

  test("of a run that succeeded", () => {
    const run = start();
    run.succeed("a", "b");
    expect(viewOf(run, ".on_success")).toMatchObject({
      task_id: null,
      state: "success",
      message: "run run of dag succeeded",
    });
  });

  test("of many failures the first ones, shortened, and how many there are", () => {
    const ids = Array.from({ length: 30 }, (_, place) => `t${place}`);
    const run = new RunDriver(buildPlan([...ids.map((id) => ({ id })), hookSpec(ids, "run", "failure")]));
    for (const id of ids) run.fail(id, { message: "x".repeat(5000) });
    const view = endedView(run.run, run.get(".on_failure"), { of: "run", on: "failure" });
    expect(view.failed_count).toBe(30);
    expect(view.failed_tasks).toHaveLength(20);
    expect(view.error).toHaveLength(1001);
    expect(view.message.endsWith("\nand 10 more")).toBe(true);
  });
});

function failure(message: string) {
  return { kind: "failed", outputs: [], failure: buildFailure({ message }) } as const;
}
