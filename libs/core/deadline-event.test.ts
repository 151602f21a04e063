import { describe, expect, test } from "vitest";
import { buildPlan } from "#testing/plan-builder.ts";
import { RunDriver } from "#testing/run-driver.ts";

const late = (action: "notify" | "cancel"): RunDriver =>
  new RunDriver(buildPlan([{ id: "a" }, { id: "b", parents: ["a"] }], { deadline: { afterMs: 5000, action } }));

const missed = (run: RunDriver): number =>
  run.last?.events.filter(({ eventType }) => eventType === "dag_run.deadline_missed").length ?? 0;

describe("a deadline", () => {
  test("that has not come changes nothing", () => {
    const run = late("cancel");
    run.now += 4999;
    expect(run.apply([{ kind: "deadline" }])).toEqual([{ accepted: false, reason: "not_due" }]);
    expect(new RunDriver([{ id: "a" }]).apply([{ kind: "deadline" }])).toMatchObject([{ reason: "nothing_to_do" }]);
  });

  test("that only notifies is published once, and the run goes on", () => {
    const run = late("notify");
    run.claim("a");
    run.now += 5000;
    run.accept({ kind: "deadline" });
    expect(missed(run)).toBe(1);
    expect(run.last?.instances).toEqual([]);
    expect(run.run.run).toMatchObject({ state: "running", deadlineAt: null });
    expect(run.apply([{ kind: "deadline" }])).toMatchObject([{ reason: "nothing_to_do" }]);
  });

  test("that cancels says why", () => {
    const run = late("cancel");
    run.claim("a");
    run.now += 5000;
    run.accept({ kind: "deadline" });
    expect(missed(run)).toBe(1);
    expect(run.get("a")).toMatchObject({ state: "skipped", reason: "deadline" });
    expect(run.run.run.state).toBe("cancelled");
    expect(run.last?.stops).toHaveLength(1);
  });

  test("counts anew from a rerun", () => {
    const run = late("cancel");
    run.now += 5000;
    run.accept({ kind: "deadline" });
    run.rerun("all");
    expect(run.run.run.deadlineAt).toBe(run.now + 5000);
  });
});
