import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryAction, arbitraryPlan, type RandomAction, toEvent } from "#testing/random-run.ts";
import { RunDriver } from "#testing/run-driver.ts";
import { applyDecision } from "#testing/run-step.ts";
import type { Recount, RecordedAttempt } from "./difference.ts";
import type { Plan } from "./plan.ts";
import { recountRun } from "./recount.ts";
import type { Instance, RunAggregate, RunRow } from "./run-model.ts";
import { taskStates } from "./states.ts";

/** The attempts that the store would have of a run whose rows are right. */
function attemptsOf({ instances }: RunAggregate): readonly RecordedAttempt[] {
  return instances.flatMap(({ ordinal, generation, tryNumber, heldFence: fence, held, workerKey, state }) =>
    held
      ? [
          {
            ...{ ordinal, generation, tryNumber, fence, workerKey: workerKey ?? 0 },
            isRunning: state === "running",
            isReleased: false,
          },
        ]
      : [],
  );
}

const actionsOfRun = fc.array(arbitraryAction, { maxLength: 40, size: "max" });

function playRun(plan: Plan, actions: readonly RandomAction[]): RunDriver {
  const driver = new RunDriver(plan);
  for (const action of actions) {
    driver.now += 1000;
    driver.apply([toEvent(driver.run, action)]);
  }
  return driver;
}

type Corruption = (run: RunAggregate, pick: number) => RunAggregate;

function onRun(change: (row: RunRow, pick: number) => Partial<RunRow>): Corruption {
  return (run, pick) => ({ ...run, run: { ...run.run, ...change(run.run, pick) } });
}

function onInstance(change: (row: Instance, pick: number) => Partial<Instance>): Corruption {
  return (run, pick) => {
    const tasks = run.instances.filter(({ mapIndex }) => mapIndex === null);
    const chosen = tasks[pick % tasks.length];
    const instances = run.instances.map((row) => (row === chosen ? { ...row, ...change(row, pick) } : row));
    return { ...run, instances };
  };
}

/** Every column that follows from others, made wrong. */
const corruptions: Readonly<Record<string, Corruption>> = {
  counts: onRun(({ counts }, pick) => {
    const state = taskStates[pick % taskStates.length] ?? "none";
    return { counts: { ...counts, [state]: counts[state] + 1 } };
  }),
  exemptCount: onRun(({ exemptCount }) => ({ exemptCount: exemptCount + 1 })),
  heldCount: onRun(({ heldCount }) => ({ heldCount: heldCount + 2 })),
  state: onRun(({ state }) => ({ state: state === "success" ? "running" : "success" })),
  inDegree: onInstance(({ inDegree }, pick) => ({ inDegree: inDegree + 1 + (pick % 3) })),
  parents: onInstance(({ parents }) => ({ parents: { ...parents, success: parents.success + 1 } })),
  exemptParents: onInstance(({ exemptParents }) => ({ exemptParents: exemptParents + 1 })),
  itemsTotal: onInstance(({ itemsTotal }) => ({ itemsTotal: itemsTotal + 1 })),
  held: onInstance(({ held }) => (held ? { held: false, heldFence: 0 } : {})),
  heldFence: onInstance(({ held, heldFence }) => (held ? { heldFence: heldFence - 1 } : {})),
  workerKey: onInstance(({ held }) => (held ? { workerKey: 99 } : {})),
};

/** What a repair has to bring back; sequences and stamps of the repair itself are new. */
function essenceOf({ run, instances }: RunAggregate): unknown {
  return { ...run, sequence: 0, eventSequence: 0, endedAt: run.endedAt !== null, instances };
}

/** A recount of rows that are all there. */
function recount(run: RunAggregate, attempts: readonly RecordedAttempt[], now: number): Recount | null {
  const found = recountRun(run, attempts, now);
  if (found === "incomplete") throw new Error("rows are missing");
  return found;
}

describe("a recount", () => {
  it("finds nothing in any run that only events have changed", () => {
    fc.assert(
      fc.property(arbitraryPlan(8), actionsOfRun, (plan, actions) => {
        const { run, now } = playRun(plan, actions);
        expect(recount(run, attemptsOf(run), now)?.differences ?? []).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(Object.keys(corruptions))("restores %s, and nothing else changes", (name) => {
    let count = 0;
    fc.assert(
      fc.property(arbitraryPlan(8), actionsOfRun, fc.nat(), (plan, actions, pick) => {
        const { run, now } = playRun(plan, actions);
        const corrupted = corruptions[name]?.(run, pick) ?? run;
        if (JSON.stringify(corrupted) === JSON.stringify(run)) return;
        const found = recount(corrupted, attemptsOf(run), now);
        if (found === null) throw new Error("nothing was found");
        count += 1;
        const repaired = applyDecision(corrupted, found.decision);
        expect(essenceOf(repaired)).toEqual(essenceOf(run));
        expect(recount(repaired, attemptsOf(repaired), now)).toBeNull();
      }),
      { numRuns: 200 },
    );
    expect(count).toBeGreaterThan(0);
  });

  it("comes to rest after one repair, whatever two things were changed by hand", () => {
    const states = Object.values(corruptions);
    fc.assert(
      fc.property(arbitraryPlan(8), actionsOfRun, fc.nat(), fc.nat(), (plan, actions, pick, other) => {
        const { run, now } = playRun(plan, actions);
        const state = taskStates[other % taskStates.length] ?? "none";
        const corruptState = onInstance((row) => (state === "removed" ? {} : { state: row.held ? row.state : state }));
        const corrupted = corruptState(states[pick % states.length]?.(run, pick) ?? run, other);
        const first = recount(corrupted, attemptsOf(run), now);
        const repaired = first === null ? corrupted : applyDecision(corrupted, first.decision);
        expect(recount(repaired, attemptsOf(repaired), now)?.differences ?? []).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("queues what waits although its parents have ended, and publishes it", () => {
    const driver = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }]);
    driver.succeed("a");
    const { run } = driver;
    const [a, b] = run.instances;
    if (a === undefined || b === undefined) throw new Error("two tasks");
    const waiting: RunAggregate = { ...run, instances: [a, { ...b, state: "none", inDegree: 1, queuedAt: null }] };
    const found = recount(waiting, [], driver.now);
    expect(found?.decision.readyOrdinals).toEqual([1]);
    expect(found?.decision.events.map(({ eventType }) => eventType)).toContain("task_instance.queued");
    expect(found?.differences.map(({ part }) => part)).toEqual(["counts", "parents", "readiness"]);
  });

  it("ends a run whose instances have all ended, and opens one that has ended too early", () => {
    const driver = new RunDriver([{ id: "a" }]);
    const early = recount({ ...driver.run, run: { ...driver.run.run, endedAt: 5 } }, [], driver.now);
    expect(early?.decision.run.endedAt).toBeNull();
    driver.succeed("a");
    const late = recount({ ...driver.run, run: { ...driver.run.run, endedAt: null } }, [], driver.now);
    expect(late?.decision.run.endedAt).toBe(driver.now);
    expect(late?.decision.events.map(({ eventType }) => eventType)).toEqual(["dag_run.ended"]);
  });

  it("tries again what is running without an attempt, and keeps what an attempt still holds", () => {
    const driver = new RunDriver([{ id: "a" }]);
    driver.claim("a");
    const [a] = driver.run.instances;
    if (a === undefined) throw new Error("one task");
    const attempts = attemptsOf(driver.run);
    const unheld: RunAggregate = { ...driver.run, instances: [{ ...a, held: false, heldFence: 0 }] };
    const kept = recount(unheld, attempts, driver.now);
    expect(kept?.decision.instances.map(({ next }) => [next.state, next.held])).toEqual([["running", true]]);
    const released = attempts.map((attempt) => ({ ...attempt, isReleased: true }));
    const lost = recount(unheld, released, driver.now);
    expect(lost?.decision.instances.map(({ next }) => [next.state, next.held])).toEqual([["queued", false]]);
    expect(lost?.decision.readyOrdinals).toEqual([0]);
  });

  it("closes the attempt of a task whose end was written by hand, and holds it until the worker has stopped it", () => {
    const driver = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }]);
    driver.claim("a");
    const { run } = driver;
    const instances = run.instances.map((row) => (row.ordinal === 0 ? { ...row, state: "success" as const } : row));
    const found = recount({ ...run, instances }, attemptsOf(run), driver.now);
    expect(found?.decision.attempts.map((change) => [change.kind, change.ordinal])).toEqual([["closed", 0]]);
    const repaired = found === null ? run : applyDecision({ ...run, instances }, found.decision);
    expect(repaired.instances.map(({ state, held }) => [state, held])).toEqual([
      ["success", true],
      ["queued", false],
    ]);
  });

  it("ends what is left of the items of a group that has ended", () => {
    const driver = new RunDriver([{ id: "a", evaluated: true }]);
    driver.evaluate("a", 2);
    const instances = driver.run.instances.map((row) =>
      row.mapIndex === null ? { ...row, state: "success" as const, endedAt: 1 } : row,
    );
    const found = recount({ ...driver.run, instances }, [], driver.now);
    expect(found?.decision.instances.map(({ next }) => [next.mapIndex, next.state])).toContainEqual([1, "skipped"]);
    expect(found?.decision.run.endedAt).toBe(driver.now);
  });

  it("ends a group that miscounted the items which have all ended", () => {
    const driver = new RunDriver([{ id: "a", evaluated: true }]);
    driver.evaluate("a", 2);
    driver.succeed("a[0]");
    const miscounted: RunAggregate = {
      ...driver.run,
      instances: driver.run.instances.map((row) => (row.mapIndex === null ? { ...row, itemsEnded: 0 } : row)),
    };
    driver.succeed("a[1]");
    const last = driver.run.instances.map((row) =>
      row.mapIndex === null ? { ...(miscounted.instances[0] ?? row), itemsEnded: 1 } : row,
    );
    const found = recount({ ...driver.run, instances: last, run: miscounted.run }, [], driver.now);
    expect(found?.decision.run.state).toBe("success");
    expect(found?.differences.map(({ part }) => part)).toContain("items");
  });

  it("brings back the row of a task that never began, and lets its rule decide", () => {
    const driver = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }, { id: "c", parents: ["b"] }]);
    driver.succeed("a");
    const rows = driver.run.instances.filter(({ ordinal }) => ordinal !== 1);
    const found = recount({ ...driver.run, instances: rows }, [], driver.now);
    expect(found?.decision.instances.map(({ next, guard }) => [next.ordinal, next.state, guard])).toEqual([
      [1, "queued", null],
    ]);
    expect(found?.differences.map(({ part }) => part)).toContain("rows");
  });

  it("fails a task whose row was lost after an attempt, so that its run ends and a rerun can begin it again", () => {
    const driver = new RunDriver([{ id: "a" }, { id: "b", parents: ["a"] }]);
    driver.claim("a");
    const attempts = attemptsOf(driver.run);
    const rows = driver.run.instances.filter(({ ordinal }) => ordinal !== 0);
    const found = recount({ ...driver.run, instances: rows }, attempts, driver.now);
    expect(found?.decision.run.state).toBe("failed");
    expect(found?.decision.instances.map(({ next }) => [next.state, next.reason, next.held])).toEqual([
      ["upstream_failed", null, false],
      ["failed", "row_lost", true],
    ]);
  });

  it("does not guess what the rows of items were", () => {
    const driver = new RunDriver([{ id: "a", evaluated: true }]);
    driver.evaluate("a", 3);
    const rows = driver.run.instances.filter(({ mapIndex }) => mapIndex !== 1);
    expect(recountRun({ ...driver.run, instances: rows }, [], driver.now)).toBe("incomplete");
  });
});
