import fc from "fast-check";
import { parentEdges } from "#core/graph.ts";
import type { Plan } from "#core/plan.ts";
import type { PlanSpec } from "#testing/plan-spec.ts";
import { arbitraryAction, arbitraryPlan, type RandomAction } from "#testing/random-run.ts";

const maxTasks = 6;
const maxSteps = 12;

/** What is put off is put off for so long, or for a millisecond: whether it is due never hangs on a test's duration. */
export const farMs = 36_000_000;

/** One run: its plan, and what is written to it in one transaction after the other. */
export interface Sequence {
  readonly spec: PlanSpec;
  readonly steps: readonly Step[];
}

export interface Step {
  /** `stale`: on a former state of the run. `repeat`: the events of the step before, on the present state. */
  readonly kind: "events" | "stale" | "repeat" | "nothing";
  readonly actions: readonly RandomAction[];
  /** What becomes ready is claimed in the same decision. */
  readonly handsOff: boolean;
  readonly pick: number;
}

/** One transaction for the next steps of all runs. */
export interface Batch {
  readonly executor: 0 | 1;
  /** It names a run that is not there as well. */
  readonly withMissing: boolean;
  /** Its decisions are sent once more. */
  readonly twice: boolean;
}

/** Sequences that are written side by side. */
export interface Writes {
  readonly sequences: readonly Sequence[];
  readonly batches: readonly Batch[];
}

interface Limits {
  readonly queueTimeoutMs: number | null;
  readonly retryTimeoutMs: number | null;
  readonly retriesLate: boolean;
}

const unlimited: Limits = { queueTimeoutMs: null, retryTimeoutMs: null, retriesLate: false };

const anyLimit = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(1, farMs) },
);
const anyLimits: fc.Arbitrary<Limits> = fc.record({
  queueTimeoutMs: anyLimit,
  retryTimeoutMs: anyLimit,
  retriesLate: fc.boolean(),
});

const anySpec: fc.Arbitrary<PlanSpec> = fc
  .record({
    plan: arbitraryPlan(maxTasks),
    limits: fc.array(anyLimits, { minLength: maxTasks, maxLength: maxTasks }),
    runTimeoutMs: fc.constantFrom(1, farMs, farMs),
    priority: fc.nat(2),
  })
  .map(({ plan, limits, ...run }) => ({ ...run, tasks: tasksOf(plan, limits) }));

/** The tasks as they are stored: edges by name. */
function tasksOf({ tasks, graph }: Plan, limits: readonly Limits[]): PlanSpec["tasks"] {
  return tasks.map((task, place) => {
    const parents = [...parentEdges(graph, place)].map((edge) => `${tasks[edge.task]?.id}:${edge.on}`);
    const { queueTimeoutMs, retryTimeoutMs, retriesLate } = limits[place] ?? unlimited;
    const delayMs = retriesLate ? farMs : 1;
    const retry = { ...task.retry, delayMs, maxDelayMs: delayMs, retryTimeoutMs };
    return { ...task, queueTimeoutMs, retry, parents, queue: place % 3 === 2 ? "big" : "default" };
  });
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 20, arbitrary: fc.constant("events" as const) },
    { weight: 2, arbitrary: fc.constant("stale" as const) },
    { weight: 1, arbitrary: fc.constantFrom("repeat" as const, "nothing" as const) },
  ),
  actions: fc.array(arbitraryAction, { minLength: 1, maxLength: 3 }),
  handsOff: fc.boolean(),
  pick: fc.nat(),
});

const anySequence: fc.Arbitrary<Sequence> = fc.record({
  spec: anySpec,
  steps: fc.array(anyStep, { minLength: 1, maxLength: maxSteps, size: "max" }),
});

const anyBatch: fc.Arbitrary<Batch> = fc.record({
  executor: fc.constantFrom(0, 1),
  withMissing: fc.boolean(),
  twice: fc.constantFrom(false, false, false, false, true),
});

export function arbitraryWrites({ runs, steps = maxSteps }: { runs: number; steps?: number }): fc.Arbitrary<Writes> {
  return fc.record({
    sequences: fc.array(anySequence, { minLength: runs, maxLength: runs, size: "max" }),
    batches: fc.array(anyBatch, { minLength: steps, maxLength: steps, size: "max" }),
  });
}
