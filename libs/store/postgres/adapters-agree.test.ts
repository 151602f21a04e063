import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import type { RunEvent } from "#core/run-event.ts";
import { triggerRules } from "#core/trigger-rule.ts";
import type { RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
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

const anyEvent: fc.Arbitrary<RunEvent> = fc.oneof(
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
  { weight: 1, arbitrary: ordinal.map((one): RunEvent => ({ kind: "clear", ordinals: [one] })) },
);

/** Everything but clock times, of which only whether they are set must agree. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, held: unknown) =>
      key.endsWith("At") && held !== null ? "set" : key.endsWith("Key") ? "key" : held,
    ),
  );
}

async function play(
  store: Store,
  tasks: readonly TaskSpec[],
  batches: readonly (readonly RunEvent[])[],
): Promise<unknown> {
  const { runKey, runId } = await startRun(store, tasks);
  const kinds: RunChangeResult["kind"][] = [];
  for (const events of batches) kinds.push((await change(store, runKey, events)).kind);
  const instances = await readInstances(store, runKey);
  const attempts = await Promise.all(tasks.map((_, place) => store.queries.listAttempts(runKey, place)));
  const run = await store.queries.getRun(runId);
  const picked = await store.runs.pickQueued({ queues: ["default"], backends: [null], limit: 100 });
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
