import { describe, expect, test } from "vitest";
import { hookSpec } from "#testing/hook-spec.ts";
import { buildPlan, type TaskSpec } from "#testing/plan-builder.ts";
import { buildFailure, RunDriver, runIdentity, someone } from "#testing/run-driver.ts";
import { createRun } from "./create-run.ts";
import { decideRun } from "./decide-run.ts";
import type { Plan } from "./plan.ts";
import type { RunEvent } from "./run-event.ts";

/** The tasks with both hooks of each, and both of the run. */
function withHooks(specs: readonly TaskSpec[], given: Partial<Plan> = {}): Plan {
  const ids = specs.map(({ id }) => id);
  const both = ["success", "failure"] as const;
  const hooks = [
    ...ids.flatMap((id) => both.map((on) => hookSpec([id], "task", on))),
    ...both.map((on) => hookSpec(ids, "run", on)),
  ];
  return buildPlan([...specs, ...hooks], given);
}

function start(specs: readonly TaskSpec[], given: Partial<Plan> = {}): RunDriver {
  return new RunDriver(withHooks(specs, given));
}

interface HookStates {
  readonly success: string;
  readonly failure: string;
}

const fires: HookStates = { success: "queued", failure: "skipped" };
const failureFires: HookStates = { success: "skipped", failure: "queued" };
const neither: HookStates = { success: "skipped", failure: "skipped" };
/** What the tasks do, and which hooks follow. */
type Case = readonly [string, (run: RunDriver) => unknown, HookStates];

describe("hooks of a task", () => {
  const ends: readonly Case[] = [
    ["succeeds", (run) => run.succeed("t"), fires],
    ["fails for good", (run) => run.fail("t", { code: "configuration" }), failureFires],
    ["skips itself", (run) => run.claim("t") && run.end("t", { kind: "skipped" }), neither],
    ["is marked a success", (run) => run.mark("success", ["t"]), fires],
    ["is marked failed", (run) => run.mark("failed", ["t"]), failureFires],
    ["is marked skipped", (run) => run.mark("skipped", ["t"]), neither],
    ["waits too long for a worker", (run) => run.accept(queueTimeout(run)), failureFires],
  ];

  test.each(ends)("a task that %s", (_, end, expected) => {
    const run = start([{ id: "t", queueTimeoutMs: 1 }, { id: "other" }]);
    end(run);
    expect(hookStates(run, "t")).toEqual(expected);
    expect(hookStates(run, "other")).toEqual({ success: "none", failure: "none" });
    expect(hookStates(run, "")).toEqual({ success: "none", failure: "none" });
  });

  test("wait for the retries", () => {
    const run = start([{ id: "t", retry: { maxRetries: 1, delayMs: 1 } }]);
    run.fail("t");
    expect(hookStates(run, "t")).toEqual({ success: "none", failure: "none" });
  });

  test("of a task that is never called run at neither end, whatever kept it", () => {
    const run = start([{ id: "a" }, { id: "t", parents: ["a"] }]);
    run.fail("a");
    expect(run.state("t")).toBe("upstream_failed");
    expect(hookStates(run, "t")).toEqual(neither);
    const cancelled = start([{ id: "t" }]);
    cancelled.cancel();
    expect(hookStates(cancelled, "t")).toEqual(neither);
  });

  test("run also where the failure is allowed", () => {
    const run = start([{ id: "t", allowFailure: true }]);
    run.fail("t");
    expect(hookStates(run, "t")).toEqual(failureFires);
    expect(hookStates(run, "")).toEqual(fires);
  });

  test("of a fan-out run once, with the group", () => {
    const run = start([{ id: "t", evaluated: true }]);
    run.evaluate("t", { kind: "fan_out", items: [{ key: "0" }, { key: "1" }] });
    run.fail("t[0]");
    expect(hookStates(run, "t")).toEqual({ success: "none", failure: "none" });
    run.succeed("t[1]");
    expect(hookStates(run, "t")).toEqual(failureFires);
  });
});

describe("hooks of a run", () => {
  const cases: readonly (readonly [string, readonly TaskSpec[], Case[1], HookStates])[] = [
    ["all succeed", [{ id: "a" }, { id: "b" }], (run) => [run.succeed("a"), run.succeed("b")], fires],
    ["one fails", [{ id: "a" }, { id: "b" }], (run) => [run.fail("a"), run.succeed("b")], failureFires],
    ["only allowed failures", [{ id: "a", allowFailure: true }], (run) => run.fail("a"), fires],
    [
      "one is never called behind an allowed failure",
      [
        { id: "a", allowFailure: true },
        { id: "b", parents: ["a"] },
      ],
      (run) => run.fail("a"),
      fires,
    ],
    [
      "all are skipped",
      [{ id: "a" }, { id: "b", parents: ["a"] }],
      (run) => run.claim("a") && run.end("a", { kind: "skipped" }),
      fires,
    ],
    [
      "a failure is mended below",
      [{ id: "a" }, { id: "b", parents: ["a:failure"] }],
      (run) => [run.fail("a"), run.succeed("b")],
      failureFires,
    ],
  ];

  test.each(cases)("%s", (_, specs, end, expected) => {
    const run = start(specs);
    end(run);
    expect(hookStates(run, "")).toEqual(expected);
  });

  test("a failure waits for the rest, and the run goes on until the hook has ended", () => {
    const run = start([{ id: "a" }, { id: "b" }]);
    run.fail("a");
    expect(hookStates(run, "")).toEqual({ success: "none", failure: "none" });
    expect(run.run.run.state).toBe("failed");
    run.succeed("b");
    for (const name of ["a.on_failure", "b.on_success"]) run.succeed(name);
    expect(run.run.run.endedAt).toBeNull();
    run.succeed(".on_failure");
    expect(run.run.run).toMatchObject({ state: "failed", endedAt: run.now });
  });

  test("a hook that fails fails nothing, and no other hook", () => {
    const run = start([{ id: "a" }]);
    run.succeed("a");
    run.fail("a.on_success", { code: "configuration" });
    run.fail(".on_success", { code: "configuration" });
    expect(run.states("a.on_success", ".on_success", ".on_failure")).toEqual({
      "a.on_success": "failed",
      ".on_success": "failed",
      ".on_failure": "skipped",
    });
    expect(run.run.run).toMatchObject({ state: "success", endedAt: run.now });
  });

  test("a cancel ends them with everything else", () => {
    const run = start([{ id: "a" }, { id: "b" }]);
    run.fail("a");
    run.cancel();
    expect(hookStates(run, "")).toEqual(neither);
    expect(run.state("a.on_failure")).toBe("skipped");
  });

  test("a cancel while only they go on leaves the run's state to its tasks", () => {
    const run = start([{ id: "a" }]);
    run.succeed("a");
    run.cancel();
    expect(hookStates(run, "")).toEqual(neither);
    expect(run.run.run).toMatchObject({ state: "success", cancelRequested: false, endedAt: run.now });
  });
});

describe("a run that times out", () => {
  test("tells by its hooks, once, and the timer is gone", () => {
    const run = start([{ id: "a" }, { id: "b", parents: ["a"] }], { runTimeoutMs: 60_000 });
    run.claim("a");
    run.now += 60_000;
    run.accept({ kind: "run_timeout" });
    expect(run.states("a", "b")).toEqual({ a: "failed", b: "skipped" });
    expect(hookStates(run, "a")).toEqual(failureFires);
    expect(hookStates(run, "b")).toEqual(neither);
    expect(hookStates(run, "")).toEqual(failureFires);
    expect(run.run.run.timeoutAt).toBeNull();
    expect(run.apply([{ kind: "run_timeout" }])).toMatchObject([{ accepted: false }]);
  });

  test("in time with its tasks is no failure, however long its hooks take", () => {
    const run = start([{ id: "a" }], { runTimeoutMs: 60_000 });
    run.succeed("a");
    run.claim(".on_success");
    run.now += 60_000;
    run.accept({ kind: "run_timeout" });
    expect(run.states(".on_success", "a.on_success")).toEqual({ ".on_success": "running", "a.on_success": "queued" });
    expect(run.run.run).toMatchObject({ state: "running", timeoutAt: null });
  });
});

describe("repairs", () => {
  const ended = (): RunDriver => {
    const run = start([{ id: "a" }, { id: "b", parents: ["a"] }]);
    run.fail("a");
    for (const name of ["a.on_failure", ".on_failure"]) run.succeed(name);
    expect(run.run.run.endedAt).not.toBeNull();
    return run;
  };

  test.each([true, false])("a task that is cleared tells again (with what is below: %s)", (includeDownstream) => {
    const run = ended();
    run.accept({ kind: "clear", ordinals: run.ordinals("a"), includeDownstream, author: someone });
    expect([...Object.values(hookStates(run, "a")), ...Object.values(hookStates(run, ""))]).toEqual(
      Array.from({ length: 4 }, () => "none"),
    );
    run.succeed("a");
    expect(hookStates(run, "a")).toEqual(fires);
  });

  test("a mark of what has ended leaves the hooks as they are; with what is below they tell again", () => {
    const run = ended();
    run.mark("success", ["a"]);
    expect(run.run.run.state).toBe("failed");
    expect(run.states("a.on_success", "a.on_failure", ".on_failure")).toEqual({
      "a.on_success": "skipped",
      "a.on_failure": "success",
      ".on_failure": "success",
    });
    const again = ended();
    again.mark("success", ["a"], true);
    expect(hookStates(again, "a")).toEqual(fires);
    again.succeed("b");
    expect(hookStates(again, "")).toEqual(fires);
  });

  test("a hook that is cleared by itself looks at the run once more, and leaves the others alone", () => {
    const run = ended();
    run.mark("success", ["a"]);
    run.mark("success", ["b"]);
    run.clear(".on_success");
    expect(hookStates(run, "")).toEqual({ success: "queued", failure: "success" });
    expect(run.run.run.state).toBe("running");
  });

  test("a rerun of what failed takes a failed hook along", () => {
    const run = start([{ id: "a" }]);
    run.succeed("a");
    run.fail(".on_success", { code: "configuration" });
    run.succeed("a.on_success");
    run.rerun("failed");
    expect(run.states("a", "a.on_success", ".on_success")).toEqual({
      a: "success",
      "a.on_success": "success",
      ".on_success": "queued",
    });
  });
});

test("10,000 tasks that fail in one batch call their hooks and the run's in one decision", () => {
  const ids = Array.from({ length: 10_000 }, (_, place) => `t${place}`);
  const { aggregate } = createRun(withHooks(ids.map((id) => ({ id }))), runIdentity, 0);
  const events = ids.flatMap((_, ordinal): readonly RunEvent[] => [
    { kind: "claim", ordinal, generation: 1, tryNumber: 1, workerKey: 1 },
    { kind: "outcome", ordinal, fence: 1, outcome: { kind: "failed", failure: buildFailure(), outputs: [] } },
  ]);
  expect(decideRun(aggregate, events, 1)?.run.counts).toMatchObject({
    failed: 10_000,
    queued: 10_001,
    skipped: 10_001,
  });
});

function hookStates(run: RunDriver, owner: string): HookStates {
  return { success: run.state(`${owner}.on_success`), failure: run.state(`${owner}.on_failure`) };
}

function queueTimeout(run: RunDriver): RunEvent {
  const { ordinal, fence } = run.get("t");
  return { kind: "instance_timeout", ordinal, fence, which: "queue_timeout" };
}
