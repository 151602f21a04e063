import { describe, expect, test } from "vitest";
import { buildPlan, type TaskSpec } from "#testing/plan-builder.ts";
import { createRun } from "./create-run.ts";

const identity = {
  runKey: 7,
  runId: "run",
  dagKey: 3,
  dagId: "dag",
  versionKey: 5,
  logicalAt: 1,
  concurrencyKey: null,
};

function create(specs: readonly TaskSpec[], runTimeoutMs: number | null = null): ReturnType<typeof createRun> {
  return createRun(buildPlan(specs, { runTimeoutMs }), identity, 1000);
}

describe("a new run", () => {
  test("queues tasks without parents and lets the others wait for theirs", () => {
    const { aggregate, readyOrdinals } = create([
      { id: "c", parents: ["a", "b"] },
      { id: "a" },
      { id: "b", priority: 5 },
    ]);
    expect(aggregate.instances.map(({ state, inDegree }) => [state, inDegree])).toEqual([
      ["none", 2],
      ["queued", 0],
      ["queued", 0],
    ]);
    expect(readyOrdinals).toEqual([2, 1]);
    expect(aggregate.run).toMatchObject({
      ...identity,
      state: "queued",
      startedAt: null,
      endedAt: null,
      everStarted: false,
    });
    expect(aggregate.run.counts).toMatchObject({ none: 1, queued: 2 });
  });

  test("queues `always` at once, and lets rules that ask for a parent's end wait", () => {
    const { aggregate } = create([
      { id: "a" },
      { id: "b", parents: ["a"], triggerRule: "always" },
      { id: "c", parents: ["a"], triggerRule: "one_success" },
    ]);
    expect(aggregate.instances.map(({ state }) => state)).toEqual(["queued", "queued", "none"]);
  });

  test("holds back tasks that must be evaluated, and names them", () => {
    const { aggregate, readyOrdinals, evaluateOrdinals } = create([
      { id: "a", evaluated: true },
      { id: "b", parents: ["a"], evaluated: true },
    ]);
    expect(aggregate.instances.map(({ state, awaitsEvaluation }) => [state, awaitsEvaluation])).toEqual([
      ["none", true],
      ["none", false],
    ]);
    expect(readyOrdinals).toEqual([]);
    expect(evaluateOrdinals).toEqual([0]);
    expect(aggregate.run.state).toBe("queued");
  });

  test("tells of itself first, then of its tasks, without a gap", () => {
    const { aggregate, events } = create([{ id: "a" }, { id: "b" }]);
    expect(events.map(({ eventType, ordinal }) => [eventType, ordinal])).toEqual([
      ["dag_run.created", null],
      ["dag_run.queued", null],
      ["task_instance.queued", 0],
      ["task_instance.queued", 1],
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(aggregate.run.eventSequence).toBe(4);
  });

  test("times out run_timeout after its creation", () => {
    expect(create([{ id: "a" }], 60_000).aggregate.run.timeoutAt).toBe(61_000);
    expect(create([{ id: "a" }]).aggregate.run.timeoutAt).toBeNull();
  });
});
