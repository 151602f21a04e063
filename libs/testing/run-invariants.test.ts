import { describe, expect, test } from "vitest";
import type { Decision } from "#core/decision.ts";
import type { Instance, RunAggregate, RunRow } from "#core/run-model.ts";
import { buildPlan } from "./plan-builder.ts";
import { buildFailure, RunDriver } from "./run-driver.ts";
import { checkRunInvariants } from "./run-invariants.ts";
import { applyDecision } from "./run-step.ts";

interface Case {
  readonly before: RunAggregate;
  readonly decision: Decision;
}

/** Drives a run up to its last event, which is the one that bugs are planted in. */
function take(prepare: (run: RunDriver) => void, last: (run: RunDriver) => Decision, driver = diamond()): Case {
  prepare(driver);
  const before = driver.run;
  return { before, decision: last(driver) };
}

function diamond(): RunDriver {
  return new RunDriver([
    { id: "a", retry: { maxRetries: 1 } },
    { id: "b", parents: ["a"] },
    { id: "c", parents: ["a"], evaluated: true },
    { id: "d", parents: ["b", "c"] },
  ]);
}

const success = { kind: "success", outputs: [] } as const;

/** a ends: b is queued, c is to be evaluated, d waits. */
const ended = take(
  (run) => run.claim("a"),
  (run) => run.end("a", success),
);
/** b fails for good: d will be told, once c has ended. */
const failed = take(
  (run) => {
    run.succeed("a");
    run.evaluate("c", { kind: "skip" });
    run.claim("b");
  },
  (run) => run.end("b", { kind: "failed", outputs: [], failure: buildFailure() }),
);
const claimed = take(
  () => undefined,
  (run) => run.claim("a") && (run.last as Decision),
);
const cancelled = take(
  (run) => run.claim("a"),
  (run) => run.cancel(),
);
const lost = take(
  (run) => run.claim("a"),
  (run) => run.lose("a"),
);
const released = take(
  (run) => {
    run.claim("a");
    run.cancel();
  },
  (run) => run.release("a"),
);
const cleared = take(
  (run) => run.succeed("a"),
  (run) => run.clear("a"),
);
const itemEnded = take(
  (run) => {
    run.succeed("a");
    run.evaluate("c", 2);
    run.claim("c[0]");
  },
  (run) => run.end("c[0]", success),
);

/** Another version: b is gone, n is new, in another order. */
const moved = take(
  (run) => run.succeed("a"),
  (run) => {
    const plan = buildPlan([{ id: "d", parents: ["n"] }, { id: "c", evaluated: true }, { id: "n" }, { id: "a" }]);
    return run.rerun("failed", { version: { versionKey: 2, version: 2, plan } });
  },
);

const [a, b, c, d] = [0, 1, 2, 3] as const;

function withRun({ before, decision }: Case, given: Partial<RunRow>): Case {
  return { before, decision: { ...decision, run: { ...decision.run, ...given } } };
}

/** The decision with one of its rows changed. */
function withRow(base: Case, ordinal: number, given: Partial<Instance>): Case {
  const { before, decision } = base;
  const isWritten = decision.instances.some(({ next }) => next.ordinal === ordinal);
  if (!isWritten) throw new Error(`instance ${ordinal} is not written`);
  const instances = decision.instances.map((change) =>
    change.next.ordinal === ordinal ? { ...change, next: { ...change.next, ...given } } : change,
  );
  return { before, decision: { ...decision, instances } };
}

function withDecision({ before, decision }: Case, change: (decision: Decision) => Partial<Decision>): Case {
  return { before, decision: { ...decision, ...change(decision) } };
}

function check({ before, decision }: Case): readonly string[] {
  return checkRunInvariants(before, decision, applyDecision(before, decision));
}

const all = { ended, failed, claimed, cancelled, lost, released, cleared, itemEnded, moved };

test.each(Object.entries(all))("a decision of the core passes: %s", (_, base) => {
  expect(check(base)).toEqual([]);
});

describe("goes red for a planted bug", () => {
  test.each<[bug: string, planted: Case, message: RegExp]>([
    ["a double decrement", withRow(ended, b, { inDegree: -1 }), /instance 1 counts .* \(G5\)/],
    ["a child that was not told", withRow(ended, c, { inDegree: 1 }), /instance 2 counts .* \(G5\)/],
    ["a lost exemption", withRow(failed, d, { exemptParents: 1 }), /instance 3 counts/],
    ["an exemption out of nowhere", withRow(failed, d, { exempt: true }), /exempt does not follow/],
    ["a failure that is exempt without allow_failure", withRow(failed, b, { exempt: true }), /allow_failure disagree/],
    [
      "a run state that is not derived",
      withRun(ended, { state: "success" }),
      /the run is success, its instances make it running/,
    ],
    ["a failed run overwritten", withRun(failed, { state: "success" }), /its instances make it failed/],
    ["a run that ends with an attempt held", withRun(cancelled, { endedAt: 1 }), /has ended too early/],
    ["a run that never ends", withRun(released, { endedAt: null }), /goes on though it is over/],
    [
      "counts that are off",
      withRun(ended, { counts: { ...ended.decision.run.counts, success: 2 } }),
      /counts 2 success/,
    ],
    ["an exempt count that is off", withRun(failed, { exemptCount: 1 }), /counts 1 exempt/],
    ["a held count that is off", withRun(claimed, { heldCount: 0 }), /counts 0 held/],
    ["a start that is forgotten", withRun(claimed, { everStarted: false, startedAt: null }), /everStarted/],
    ["a sequence that stands still", withRun(ended, { sequence: ended.before.run.sequence }), /the sequence goes from/],
    ["a wrong guard on the run", withDecision(ended, () => ({ expectedSequence: 0 })), /expected sequence/],
    [
      "a transition beyond the chart",
      withRow(ended, b, { state: "up_for_retry" }),
      /none → up_for_retry: not in the chart/,
    ],
    ["a claim without a new fence", withRow(claimed, a, { fence: 0, heldFence: 0 }), /held and held fence disagree/],
    ["an end from outside under the old fence", withRow(cancelled, a, { fence: 1 }), /the fence must grow/],
    ["a loss under the old fence", withRow(lost, a, { fence: 1 }), /under the same fence/],
    ["a new generation under the old fence", withRow(cleared, a, { fence: 1 }), /needs a new fence/],
    ["a generation that falls", withRow(cleared, a, { generation: 0 }), /never fall/],
    ["an end without a time", withRow(ended, a, { endedAt: null }), /has no end/],
    ["an end that still waits", withRow(cancelled, b, { waitsFor: "approval" }), /still waits/],
    ["a running task that nobody holds", withRow(claimed, a, { held: false, heldFence: 0 }), /held attempts/],
    [
      "a task that is forgotten",
      withRow(ended, b, { state: "none", queuedAt: null }),
      /waits, but its rule all_success says run/,
    ],
    ["an evaluation of nothing", withRow(ended, b, { awaitsEvaluation: true }), /nothing to evaluate/],
    ["a revision that stands still", withRun(moved, { revision: 0 }), /the revision does not tell/],
    ["a revision raised for nothing", withRun(ended, { revision: 1 }), /the revision does not tell/],
    ["a removed task that is forgotten", withRun(moved, { removedTasks: [] }), /is its task there\?/],
    ["a removed task under another name", withRun(moved, { removedTasks: ["x"] }), /end with the removed tasks/],
    ["an instance that changes its task", withRow(moved, d, { task: 1 }), /was d, is c/],
    ["two instances of a task", withRow(moved, d, { task: 1 }), /do not belong together/],
    ["a removed task that is not removed", withRow(moved, b, { state: "skipped" }), /is its task there\?/],
    ["a group that counts its items wrongly", withRow(itemEnded, c, { itemsEnded: 0 }), /counts its items wrongly/],
    [
      "a group that ends before its items",
      withRow(itemEnded, c, { state: "success", endedAt: 1 }),
      /goes on though its group has ended/,
    ],
  ])("%s", (_, planted, message) => {
    expect(check(planted).join("\n")).toMatch(message);
  });

  test.each<[bug: string, base: Case, change: (decision: Decision) => Partial<Decision>, message: RegExp]>([
    [
      "a missing release",
      ended,
      ({ attempts }) => ({ attempts: attempts.filter(({ kind }) => kind !== "released") }),
      /held attempts/,
    ],
    [
      "a release too many",
      ended,
      ({ attempts }) => ({ attempts: [...attempts, ...attempts.slice(-1)] }),
      /does not hold/,
    ],
    ["a release before the end", ended, ({ attempts }) => ({ attempts: attempts.toReversed() }), /has not settled/],
    [
      "an attempt that settles twice",
      ended,
      ({ attempts }) => ({ attempts: [...attempts.slice(0, 1), ...attempts] }),
      /settled twice/,
    ],
    ["an attempt that never settles", ended, ({ attempts }) => ({ attempts: attempts.slice(1) }), /has not settled/],
    ["an attempt that is not opened", claimed, () => ({ attempts: [] }), /unsettled attempts/],
    ["an attempt opened twice", claimed, ({ attempts }) => ({ attempts: [...attempts, ...attempts] }), /\(G4\)/],
    ["a stop order that is not given", cancelled, () => ({ stops: [] }), /stop orders/],
    ["a gap in the events", ended, ({ events }) => ({ events: events.slice(1) }), /\(G7\)/],
    [
      "an end that is not told",
      ended,
      ({ events }) => ({ events: events.filter(({ ordinal }) => ordinal !== a) }),
      /its last event is undefined/,
    ],
    ["a start that is not told", claimed, () => ({ events: [] }), /no event tells that instance 0 runs/],
    ["a run's end that is not told", released, () => ({ events: [] }), /do not tell the run's end/],
    [
      "a run's state that is not told",
      cancelled,
      ({ events }) => ({ events: events.filter(({ ordinal }) => ordinal !== null) }),
      /do not tell the run's state/,
    ],
    ["a child told of before its parent", cancelled, swapParentAndChild, /before the end of its parent/],
    ["a plan that stays", moved, (_) => ({ plan: moved.before.plan }), /do not belong together/],
    [
      "another plan of the same version",
      ended,
      ({ plan }) => ({ plan: { ...plan } }),
      /another plan of the same version/,
    ],
    ["a guard that is not the row before", ended, changeGuards, /the guard of instance/],
    ["a row written twice", ended, ({ instances }) => ({ instances: [...instances, ...instances] }), /written twice/],
    ["a ready task that nobody is told of", ended, () => ({ readyOrdinals: [] }), /ready are \[1\]/],
    ["a task called ready that is not", ended, () => ({ readyOrdinals: [b, d] }), /ready are \[1\]/],
    ["an evaluation that nobody is told of", ended, () => ({ evaluateOrdinals: [] }), /nobody is told of/],
    ["an evaluation asked for twice", ended, () => ({ evaluateOrdinals: [c, c] }), /evaluated twice/],
    ["an evaluation of what does not wait for it", ended, () => ({ evaluateOrdinals: [c, d] }), /nothing to evaluate/],
  ])("%s", (_, base, change, message) => {
    expect(check(withDecision(base, change)).join("\n")).toMatch(message);
  });

  test("a terminal state that changes", () => {
    const run = diamond();
    run.succeed("a");
    const before = run.run;
    run.claim("b");
    const a2 = { next: { ...run.get("a"), state: "failed" as const }, guard: { state: "success" as const, fence: 1 } };
    const planted = withDecision({ before, decision: run.last as Decision }, ({ instances }) => ({
      instances: [...instances, a2],
    }));
    expect(check(planted).join("\n")).toMatch(/a terminal state is final/);
  });

  test("a decision without a change, and a change without a decision", () => {
    const { before, decision } = ended;
    expect(checkRunInvariants(before, { ...decision, instances: [] }, before).join("\n")).toMatch(/without a change/);
    const after = applyDecision(before, decision);
    expect(checkRunInvariants(before, { ...decision, instances: [] }, after).join("\n")).toMatch(
      /changed without being written/,
    );
  });
});

/** Exchanges the places of two skips, so that the child's comes first. */
function swapParentAndChild({ events }: Decision): Partial<Decision> {
  const other: Readonly<Record<number, number>> = { [a]: b, [b]: a };
  return { events: events.map((event) => ({ ...event, ordinal: other[event.ordinal ?? -1] ?? event.ordinal })) };
}

function changeGuards({ instances }: Decision): Partial<Decision> {
  return {
    instances: instances.map(({ next, guard }) => ({ next, guard: guard && { ...guard, fence: guard.fence + 1 } })),
  };
}
