import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Plan } from "#core/plan.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { registerDag } from "#testing/dag-builder.ts";
import type { PlanSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { arbitraryAction, arbitraryPlan, type RandomAction, toEvent } from "#testing/random-run.ts";
import { change, newRun } from "#testing/store-driver.ts";
import { hello, registerWorker } from "#testing/worker-builder.ts";
import { createHastyCheck } from "./hasty-check.testsuite.ts";

/** Plans stand for their definitions by number: a store keeps JSON. */
function createPlans(): { plans: Plan[]; toPlan: (definition: unknown) => Plan } {
  const plans: Plan[] = [];
  return {
    plans,
    toPlan: (definition) => plans[(definition as { plan: number }).plan] ?? fail("no such plan"),
  };
}

function fail(message: string): never {
  throw new Error(message);
}

async function readRun(store: Store, runKey: number) {
  const [result] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
  return result?.kind === "unchanged" ? result.run : fail("the run can't be read");
}

/** An event of workers that exist, of the version that the run has. */
function fit(event: RunEvent, workerKeys: readonly number[]): RunEvent {
  if (event.kind === "claim") return { ...event, workerKey: workerKeys[event.workerKey - 1] ?? 0 };
  return event.kind === "rerun" ? { ...event, target: null } : event;
}

/** Lets nothing wait for an evaluation: nobody evaluates here. */
async function evaluateAll(store: Store, runKey: number): Promise<void> {
  for (;;) {
    const { instances } = await readRun(store, runKey);
    const waiting = instances.filter(({ awaitsEvaluation }) => awaitsEvaluation);
    if (waiting.length === 0) return;
    await change(
      store,
      runKey,
      waiting.map(({ ordinal, generation }): RunEvent => {
        return { kind: "evaluated", ordinal, generation, result: { kind: "run" } };
      }),
    );
  }
}

/** Drives so many random runs to random points, several at once. */
async function driveRuns(store: Store, plans: Plan[], options: { count: number; seed: number }): Promise<void> {
  const workerKeys: number[] = [];
  for (const id of ["one", "two", "three"]) workerKeys.push((await registerWorker(store, hello(id))).workerKey);
  const actions = fc.array(arbitraryAction, { maxLength: 40, size: "max" });
  const samples = fc.sample(fc.tuple(arbitraryPlan(8), actions), { numRuns: options.count, seed: options.seed });
  const drive = async ([plan, steps]: [Plan, RandomAction[]]): Promise<void> => {
    plans.push(plan);
    const place = plans.length - 1;
    const keys = await registerDag(store, `dag${place}`, { plan: place } as unknown as PlanSpec);
    const created = await store.runs.createRun(newRun(keys));
    if (created.kind !== "created") fail(created.kind);
    const { runKey } = created;
    for (const step of steps) {
      const event = fit(toEvent(await readRun(store, runKey), step), workerKeys);
      await change(store, runKey, [event]);
    }
    await evaluateAll(store, runKey);
  };
  const lanes = 4;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let place = lane; place < samples.length; place += lanes) await drive(samples[place] ?? fail("no sample"));
    }),
  );
}

/** What nobody has looked at here while the runs are driven. */
const awaited = "evaluation_overdue";

describe("runs that only events have changed", () => {
  it("raise no alarm in memory, wherever they stand", async () => {
    const { plans, toPlan } = createPlans();
    const { store } = createClockedStore(toPlan);
    await driveRuns(store, plans, { count: 2000, seed: 7 });
    const page = await createHastyCheck(store)(true);
    expect(page.findings).toEqual([]);
    expect(page.checkedRuns).toBe(2000);
    expect(page.next).toBeNull();
  });

  it("raise no alarm in PostgreSQL, also while they go on", async () => {
    const { plans, toPlan } = createPlans();
    const harness = await openPostgresHarness(toPlan);
    onTestFinished(() => harness.close());
    const other = await harness.openAnother();
    const check = createHastyCheck(other);
    let isDriven = false;
    const driven = driveRuns(harness.store, plans, { count: 100, seed: 8 }).finally(() => {
      isDriven = true;
    });
    const alarms: unknown[] = [];
    while (!isDriven) {
      const { findings } = await check(true);
      alarms.push(...findings.filter((finding) => finding.check !== awaited));
    }
    await driven;
    expect(alarms).toEqual([]);
    const page = await check(true);
    expect(page.findings).toEqual([]);
    expect(page.checkedRuns).toBe(100);
  });
});
