import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  arbitraryAction,
  arbitraryPlan,
  arbitraryScripts,
  failureOf,
  type RandomAction,
  toEvent,
} from "#testing/random-run.ts";
import { checkRunInvariants } from "#testing/run-invariants.ts";
import { type AttemptScript, referenceEnds, type TaskScript } from "#testing/run-reference.ts";
import { applyDecision } from "#testing/run-step.ts";
import { runIdentity } from "#testing/run-driver.ts";
import { createRun } from "./create-run.ts";
import { decideRun, type HandOff, judgeEvents } from "./decide-run.ts";
import type { Decision } from "./decision.ts";
import { computeLayers } from "./graph.ts";
import type { Plan } from "./plan.ts";
import type { AttemptOutcome, RunEvent } from "./run-event.ts";
import type { Instance, RunAggregate } from "./run-model.ts";
import { isTerminal } from "./states.ts";
import { unstartedWait } from "./unstarted-wait.ts";

/** Objects and arrays all the way down; typed arrays can't be frozen. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

/** Decides, checks everything that holds of any decision, and writes it. */
function step(
  run: RunAggregate,
  events: readonly RunEvent[],
  now: number,
  handOff?: HandOff,
): { run: RunAggregate; decision: Decision | null } {
  deepFreeze(run);
  deepFreeze(events);
  const decision = decideRun(run, events, now, { handOff });
  expect(decideRun(run, events, now, { handOff }), "the same input gives the same decision").toEqual(decision);
  const verdicts = judgeEvents(run, events, now);
  expect(decision?.verdicts ?? verdicts).toEqual(verdicts);
  const accepted = events.filter((_, place) => verdicts[place]?.accepted);
  if (accepted.length < events.length) expectSameWithout(run, accepted, now, decision, handOff);
  if (decision === null) return { run, decision };
  const after = applyDecision(run, decision);
  expect(checkRunInvariants(run, decision, after)).toEqual([]);
  return { run: after, decision };
}

/** Refused events change nothing: the others alone give the same decision. */
function expectSameWithout(
  run: RunAggregate,
  accepted: readonly RunEvent[],
  now: number,
  decision: Decision | null,
  handOff?: HandOff,
): void {
  const alone = decideRun(run, accepted, now, { handOff });
  if (accepted.length === 0 && handOff === undefined) expect(decision).toBeNull();
  const withoutVerdicts = (one: Decision | null): unknown => (one === null ? null : { ...one, verdicts: [] });
  expect(withoutVerdicts(decision)).toEqual(withoutVerdicts(alone));
}

interface Turn {
  readonly actions: readonly RandomAction[];
  readonly handsOff: boolean;
  readonly passes: number;
}

const arbitraryTurns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({
    actions: fc.array(arbitraryAction, { minLength: 1, maxLength: 4 }),
    handsOff: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    passes: fc.constantFrom(0, 1, 20_000, 400_000),
  }),
  { maxLength: 100, size: "max" },
);

/** Attempts of the whole life of a run, counted from the changes alone. */
function createHistory(): {
  readonly note: (decision: Decision | null) => void;
  readonly expectAllSettled: () => void;
} {
  const count = {
    opened: new Map<string, number>(),
    closed: new Map<string, number>(),
    released: new Map<string, number>(),
  };
  return {
    note(decision) {
      for (const change of decision?.attempts ?? []) {
        const name =
          change.kind === "released"
            ? `${change.ordinal}@${change.fence}`
            : `${change.ordinal}/${change.generation}/${change.tryNumber}`;
        if (change.kind === "opened") expect(count.released.has(`${change.ordinal}@${change.fence}`)).toBe(false);
        count[change.kind].set(name, (count[change.kind].get(name) ?? 0) + 1);
      }
    },
    expectAllSettled() {
      for (const times of [...count.opened.values(), ...count.closed.values(), ...count.released.values()])
        expect(times).toBe(1);
      expect(count.closed.size).toBe(count.opened.size);
      expect(count.released.size).toBe(count.opened.size);
    },
  };
}

/** The next thing that a well-behaved environment does about an instance, or null when it has nothing to do. */
function nextEvent(row: Instance, outcome: (row: Instance) => AttemptOutcome | "lost"): RunEvent | null {
  const { ordinal, generation, fence, heldFence, tryNumber } = row;
  if (row.held && row.state !== "running") return { kind: "released", ordinal, fence: heldFence };
  if (row.awaitsEvaluation) return { kind: "evaluated", ordinal, generation, result: { kind: "run" } };
  if (row.itemsTotal > 0) return null;
  if (row.state === "queued" && row.waitsFor === unstartedWait)
    return { kind: "wait_begun", ordinal, fence, waitsFor: "time", dueAt: null };
  if (row.state === "queued" && row.waitsFor !== null) {
    const end = outcome({ ...row, tryNumber: tryNumber + 1 });
    return { kind: "answered", ordinal, fence, outcome: end === "lost" ? { kind: "skipped" } : end };
  }
  if (row.state === "queued") return { kind: "claim", ordinal, generation, tryNumber: tryNumber + 1, workerKey: 1 };
  if (row.state === "up_for_retry") return { kind: "retry_due", ordinal, fence };
  if (row.state !== "running") return null;
  const end = outcome(row);
  return end === "lost"
    ? { kind: "lost", ordinal, fence, free: false }
    : { kind: "outcome", ordinal, fence, outcome: end };
}

describe("a run to which anything may happen", () => {
  test("keeps every invariant, and ends once each claim gets its outcome", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(arbitraryPlan(50), arbitraryTurns, (plan, turns) => {
        const history = createHistory();
        let now = 1_000_000;
        let run = createRun(plan, runIdentity, now).aggregate;
        const take = (events: readonly RunEvent[], handOff?: HandOff): void => {
          const next = step(run, events, now, handOff);
          history.note(next.decision);
          run = next.run;
        };
        for (const { actions, handsOff, passes } of turns) {
          now += passes;
          take(
            actions.map((action) => toEvent(run, action)),
            handsOff ? (row) => (row.ordinal % 3 === 0 ? null : 7) : undefined,
          );
        }
        if (run.run.isPaused) take([{ kind: "pause", isPaused: false }]);
        for (let round = 0; run.run.endedAt === null && round < 8 * run.plan.tasks.length + 8; round += 1) {
          now += 1_000_000;
          const events = run.instances.map((row) => nextEvent(row, () => ({ kind: "success", outputs: [] })));
          take(events.filter((event) => event !== null));
        }
        expect(run.run.endedAt, "the run ends").not.toBeNull();
        history.expectAllSettled();
      }),
      { numRuns: 250 },
    );
  });
});

const repairs: ReadonlySet<string> = new Set(["mark", "clear", "rerun"]);

const allowed: Readonly<Record<string, readonly string[]>> = {
  claim: ["queued→running"],
  success: ["running→success"],
  skipped: ["running→skipped"],
  deferred: ["running→queued"],
  failed: ["running→failed", "running→up_for_retry", "running→queued"],
  lost: ["running→failed", "running→queued"],
  released: [],
  retry_due: ["up_for_retry→queued"],
  queue_timeout: ["queued→failed"],
  retry_timeout: ["none→failed", "queued→failed", "running→failed", "up_for_retry→failed"],
  run_timeout: [
    "none→skipped",
    // A hook of what it ended.
    "none→queued",
    "queued→skipped",
    "queued→failed",
    "up_for_retry→skipped",
    "up_for_retry→failed",
    "running→failed",
  ],
  deadline: ["none→skipped", "queued→skipped", "up_for_retry→skipped", "running→skipped"],
  cancel: ["none→skipped", "queued→skipped", "up_for_retry→skipped", "running→skipped"],
  pause: [],
  evaluated: ["none→queued", "none→skipped", "none→failed", "none→success"],
  wait_begun: [],
  answered: ["queued→success", "queued→failed", "queued→skipped", "queued→up_for_retry"],
};

test("a single event moves its own instance as its kind allows, and others only by their rules or their items", () => {
  const rule = ["none→queued", "none→upstream_failed", "none→skipped"];
  const group = ["queued→running", "queued→success", "queued→failed", "running→success", "running→failed"];
  fc.assert(
    fc.property(arbitraryPlan(12), fc.array(arbitraryAction, { maxLength: 60, size: "max" }), (plan, actions) => {
      let now = 1_000_000;
      let run = createRun(plan, runIdentity, now).aggregate;
      for (const action of actions) {
        now += 20_000;
        const event = toEvent(run, action);
        const next = step(run, [event], now);
        const kind =
          event.kind === "outcome" ? event.outcome.kind : event.kind === "instance_timeout" ? event.which : event.kind;
        for (const { next: row, guard } of next.decision?.instances ?? []) {
          if (guard === null || guard.state === row.state || repairs.has(kind)) continue;
          const isOwn = !("ordinal" in event) || event.ordinal === row.ordinal;
          const others = row.itemsTotal > 0 ? group : rule;
          expect(isOwn ? allowed[kind] : others, `${kind} on ${row.ordinal}`).toContain(`${guard.state}→${row.state}`);
        }
        run = next.run;
      }
    }),
    { numRuns: 100 },
  );
});

describe("a run that nobody interferes with", () => {
  const arbitraryCase = arbitraryPlan(50).chain((plan) =>
    fc.record({
      // What needs no worker is never lost or interrupted: the reference has attempts of workers.
      plan: fc.constant({ ...plan, tasks: plan.tasks.map(({ waits: _waits, ...task }) => task) }),
      scripts: arbitraryScripts(plan.tasks.length),
      picks: fc.infiniteStream(fc.nat()),
    }),
  );

  test("ends as the reference says, in whatever order its attempts end", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(arbitraryCase, fc.boolean(), ({ plan, scripts, picks }, handsOff) => {
        const run = play(plan, scripts, picks, handsOff ? () => 1 : undefined);
        const expected = referenceEnds(plan, scripts, computeLayers(plan.graph).flat());
        const found = run.instances.slice(0, plan.tasks.length).map(({ state, exempt }) => ({ state, exempt }));
        expect(found).toEqual(expected);
        const hasFailed = expected.some(
          ({ state, exempt }) => (state === "failed" || state === "upstream_failed") && !exempt,
        );
        expect(run.run.state).toBe(hasFailed ? "failed" : "success");
        expect(run.run.endedAt).not.toBeNull();
      }),
      { numRuns: 150 },
    );
  });
});

/** Plays a run to its end; one random instance that has something to do is taken at a time. */
function play(plan: Plan, scripts: readonly TaskScript[], picks: fc.Stream<number>, handOff?: HandOff): RunAggregate {
  let now = 1_000_000;
  let run = createRun(plan, runIdentity, now).aggregate;
  let isFailed = false;
  while (run.run.endedAt === null) {
    now += 1_000_000;
    const busy = run.instances.filter((row) => !isTerminal(row.state) && eventOf(row, scripts) !== null);
    const row = busy[(picks.next().value ?? 0) % busy.length];
    const event = row === undefined ? null : eventOf(row, scripts);
    if (event === null) throw new Error("the run goes on, and nothing is left to do");
    run = step(run, [event], now, handOff).run;
    expect(isFailed && run.run.state !== "failed", "failed is never overwritten").toBe(false);
    isFailed = run.run.state === "failed";
  }
  return run;
}

function eventOf(row: Instance, scripts: readonly TaskScript[]): RunEvent | null {
  const script = scripts[row.task];
  if (script === undefined) return null;
  if (row.awaitsEvaluation) {
    const { ordinal, generation } = row;
    const { evaluation } = script;
    if (evaluation === "run" || evaluation === "skip")
      return { kind: "evaluated", ordinal, generation, result: { kind: evaluation } };
    if (evaluation === "fail") {
      return {
        kind: "evaluated",
        ordinal,
        generation,
        result: { kind: "fail", errorCode: "render_failed", errorMessage: "no" },
      };
    }
    return {
      kind: "evaluated",
      ordinal,
      generation,
      result: { kind: "fan_out", items: evaluation.map((_, key) => ({ key: `${key}` })) },
    };
  }
  const items = typeof script.evaluation === "string" ? [] : script.evaluation;
  const attempts = row.mapIndex === null ? script.attempts : items[row.mapIndex];
  return attempts === undefined ? null : nextEvent(row, () => outcomeOf(attempts, row.tryNumber));
}

/** What the n-th attempt of an instance comes to. */
function outcomeOf({ troubles, last }: AttemptScript, tryNumber: number): AttemptOutcome | "lost" {
  const trouble = troubles[tryNumber - 1];
  switch (trouble) {
    case "lost":
      return "lost";
    case "deferred":
      return { kind: "deferred", dueAt: null, waitsFor: null };
    case "exit_code":
    case "interrupted":
      return { kind: "failed", outputs: [], failure: { ...failureOf(0), code: trouble } };
    case undefined:
      break;
  }
  if (last === "fatal") return { kind: "failed", outputs: [], failure: { ...failureOf(0), code: "configuration" } };
  return last === "success" ? { kind: last, outputs: [] } : { kind: last };
}
