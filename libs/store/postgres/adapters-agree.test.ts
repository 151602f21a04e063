import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import type { RunEvent } from "#core/run-event.ts";
import { triggerRules } from "#core/trigger-rule.ts";
import type { RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "#testing/dag-builder.ts";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { clearOf } from "#testing/run-driver.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { rerunOf } from "#testing/reruns.testsuite.ts";
import { change, failure, readInstances, startRun, success } from "#testing/store-driver.ts";
import { createMemoryStore } from "../memory/memory-store.ts";

const taskCount = 6;

const anyTasks = fc
  .array(
    fc.record({
      rule: fc.constantFrom(...triggerRules),
      parentBits: fc.nat(63),
      maxRetries: fc.nat(1),
      allowFailure: fc.boolean(),
    }),
    {
      minLength: taskCount,
      maxLength: taskCount,
    },
  )
  .map((tasks) =>
    tasks.map(({ rule, parentBits, maxRetries, allowFailure }, place): TaskSpec => {
      const parents = Array.from({ length: place }, (_, parent) => parent).filter(
        (parent) => parentBits & (1 << parent),
      );
      return {
        id: `t${place}`,
        triggerRule: parents.length === 0 ? "all_success" : rule,
        parents: parents.map((parent) => `t${parent}`),
        allowFailure,
        retry: { maxRetries, delayMs: 0 },
      };
    }),
  );

const ordinal = fc.nat(taskCount - 1);
const fence = fc.nat(4);

/** A rerun, on the DAG's other version unless the run has it; what it needs is read when its turn comes. */
interface RerunStep {
  readonly kind: "rerun_on_other";
  readonly from: "failed" | "all" | readonly string[];
}

const anyEvent: fc.Arbitrary<RunEvent | RerunStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      ordinal,
      generation: fc.integer({ min: 1, max: 2 }),
      tryNumber: fc.integer({ min: 1, max: 2 }),
      workerKey: fc.constant(1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("outcome" as const),
      ordinal,
      fence,
      outcome: fc.constantFrom(success, failure(), { kind: "skipped" as const }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lost" as const), ordinal, fence, free: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("retry_due" as const), ordinal, fence }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("released" as const), ordinal, fence }) },
  { weight: 1, arbitrary: fc.constant<RunEvent>({ kind: "cancel", reason: "test" }) },
  { weight: 1, arbitrary: ordinal.map((one): RunEvent => clearOf([one])) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("failed" as const, "all" as const, ["t1"])
      .map((from): RerunStep => ({ kind: "rerun_on_other", from })),
  },
);

/** Everything but clock times, of which only whether they are set must agree. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, held: unknown) =>
      key.endsWith("At") && held !== null ? "set" : key.endsWith("Key") ? "key" : held,
    ),
  );
}

/** The run's version, and another one: in another order, with a task less and one more. */
async function versionsOf(store: Store, runKey: number, tasks: readonly TaskSpec[]): Promise<readonly number[]> {
  const [facts] = await store.runs.readFacts([runKey]);
  if (facts === undefined) throw new Error(`no run ${runKey}`);
  const kept = tasks.filter(({ id }) => id !== "t2").map((task) => ({ ...task, parents: withoutRemoved(task) }));
  const spec = { tasks: [{ id: "new", parents: ["t0"] }, ...kept.toReversed()] };
  const { versionKey } = await registerDag(store, facts.dagId, spec);
  return [facts.versionKey, versionKey];
}

function withoutRemoved({ parents = [] }: TaskSpec): readonly string[] {
  return parents.filter((id) => id !== "t2");
}

async function play(
  store: Store,
  tasks: readonly TaskSpec[],
  batches: readonly (readonly (RunEvent | RerunStep)[])[],
): Promise<unknown> {
  const { runKey, runId } = await startRun(store, tasks);
  const keys = await versionsOf(store, runKey, tasks);
  const kinds: RunChangeResult["kind"][] = [];
  for (const steps of batches) {
    const [facts] = await store.runs.readFacts([runKey]);
    const other = keys.find((key) => key !== facts?.versionKey) ?? 0;
    const events = steps.map(async (step) =>
      step.kind === "rerun_on_other" ? rerunOf(store, runKey, other, step.from) : step,
    );
    kinds.push((await change(store, runKey, await Promise.all(events))).kind);
  }
  const instances = await readInstances(store, runKey);
  const attempts = await Promise.all(tasks.map((_, place) => store.queries.listAttempts(runKey, place)));
  const run = await store.queries.getRun(runId);
  const { instances: picked } = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 100 });
  // Which is older may fall into one millisecond here and into two there: the order is no matter of this test.
  const ofRun = picked.filter((one) => one.runKey === runKey).toSorted((a, b) => a.ordinal - b.ordinal);
  const ready = ofRun.map((one) => [one.ordinal, one.generation, one.tryNumber]);
  return withoutTimes({
    kinds,
    instances,
    attempts,
    state: run?.state,
    counts: run?.counts,
    ended: run?.endedAt !== null,
    ready,
  });
}

it("memory and PostgreSQL come to the same rows whatever happens to a run", async () => {
  const { store: postgres, close } = await openPostgresHarness();
  const memory = createMemoryStore({ toPlan: planOfSpec, clock: () => postgres.now() });
  onTestFinished(close);
  const anyBatch = fc.array(anyEvent, { minLength: 1, maxLength: 4 });
  const batches = fc.array(anyBatch, { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(anyTasks, batches, async (tasks, events) => {
      expect(await play(memory, tasks, events)).toEqual(await play(postgres, tasks, events));
    }),
    { numRuns: 25, endOnFailure: true },
  );
});
