import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { startRun } from "#testing/store-driver.ts";
import { beatOf, hello, registerWorker } from "#testing/worker-builder.ts";
import { type Database, openDatabases, type Statement } from "./database.ts";
import { RunLoader } from "./runs/run-loader.ts";
import { createRunRepository } from "./runs/run-repository.ts";

interface PlanNode {
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

const many = 2000;
const wishes = { required: {}, preferred: { ssd: "true" } };

/** The first may be taken by anybody; the others come before it by their priority. */
function besides(untakeable: Partial<TaskSpec>): readonly TaskSpec[] {
  const others = Array.from({ length: many }, (_, place) => ({ id: `t${place}`, priority: 9, ...untakeable }));
  return [{ id: "free" }, ...others];
}

function rowsRead(node: PlanNode, relation: string): number {
  const own = node["Relation Name"] === relation ? node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) : 0;
  return (node.Plans ?? []).reduce((sum, plan) => sum + rowsRead(plan, relation), own * node["Actual Loops"]);
}

/** Picks for one worker that only runs `noop`; answers what it picked and the instances that were read for it. */
async function pickBeside(untakeable: Partial<TaskSpec>): Promise<{ picked: readonly number[]; read: number }> {
  const harness = await openPostgresHarness();
  onTestFinished(() => harness.close());
  const { store, connectionString } = harness;
  const databases = openDatabases({ connectionString, poolSize: 2, logger: pino({ level: "silent" }) });
  onTestFinished(() => databases.close());
  await store.limits.setPool({ name: "full", size: 0, description: "" });
  const preferred = await registerWorker(store, hello("preferred", { labels: wishes.preferred }));
  await store.workers.beat([beatOf(preferred)]);
  await startRun(store, besides(untakeable));
  const asked: { readonly statement: Statement; readonly values: readonly unknown[] }[] = [];
  const recording: Database = {
    ...databases.ordinary,
    query: (statement, values) => {
      asked.push({ statement, values });
      return databases.ordinary.query(statement, values);
    },
  };
  await databases.ordinary.query({ name: "", text: "ANALYZE task_instances" }, []);
  const runs = createRunRepository({
    database: recording,
    loader: new RunLoader(planOfSpec),
    wake: store.wake,
    now: () => store.now(),
  });
  const { instances } = await runs.pickQueued({
    queues: ["default"],
    backends: [null],
    limit: 10,
    oldestAt: [0],
    traits: { labels: {}, operators: ["noop"], capabilities: [] },
    rooms: [noResources],
  });
  const { statement, values } = asked[0] ?? expect.fail("nothing was asked");
  const explain = { name: "", text: `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.text}` };
  const [row] = await databases.ordinary.query<{ "QUERY PLAN": readonly [{ readonly Plan: PlanNode }] }>(
    explain,
    values,
  );
  const plan = row?.["QUERY PLAN"][0].Plan;
  const read = plan === undefined ? Number.NaN : rowsRead(plan, "task_instances");
  return { picked: instances.map(({ ordinal }) => ordinal), read };
}

describe("a pick reads none of many instances that its workers may not have", () => {
  test.each<[string, Partial<TaskSpec>]>([
    ["in a pool that is full", { pool: "full" }],
    ["in a queue that they don't serve", { queue: "other" }],
    ["with labels of none of them", { labels: { required: { gpu: "true" }, preferred: {} } }],
    ["with an operator that none of them runs", { operatorType: "unheard" }],
    ["that another worker with a free slot is preferred for", { labels: wishes }],
    ["that ask more of their hosts", { capabilities: ["container"] }],
    ["that ask for more than they have", { requests: { ...noResources, gpus: 1 } }],
  ])("%s", async (_, untakeable) => {
    const { picked, read } = await pickBeside(untakeable);
    expect(picked).toEqual([0]);
    expect(read).toBeLessThan(20);
  });
});
