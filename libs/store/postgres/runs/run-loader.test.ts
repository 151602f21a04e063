import { expect, it, onTestFinished } from "vitest";
import type { Plan } from "#core/plan.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { readInstances, startRun } from "#testing/store-driver.ts";

it("keeps the plan of a version once for all of a process, whoever reads a run of it, but for checks", async () => {
  const plans: Plan[] = [];
  const { store, openAnother, close } = await openPostgresHarness((definition) => {
    const plan = planOfSpec(definition);
    plans.push(plan);
    return plan;
  });
  onTestFinished(close);
  const { runKey, runId } = await startRun(store, [{ id: "a" }, { id: "b", parents: ["a"] }]);
  const other = await openAnother();
  plans.length = 0;
  await readInstances(other, runKey);
  await other.queries.explain(runId, { ordinal: 1, limit: 1 });
  await readInstances(other, runKey);
  expect(plans).toHaveLength(1);
  // They believe nothing that the process remembers.
  const { runs } = await other.consistency.readRuns([runKey]);
  expect(plans).toHaveLength(2);
  expect(runs[0]?.run.plan).toBe(plans[1]);
});
