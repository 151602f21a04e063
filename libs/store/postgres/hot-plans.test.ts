import { pino } from "pino";
import { expect, it, onTestFinished } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { AttemptOutcome, RunEvent } from "#core/run-event.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { Wake } from "#ports/wake.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { newRun } from "#testing/store-driver.ts";
import { createTestDatabase } from "#testing/template-database.ts";
import { newVersion } from "#testing/dag-builder.ts";
import { type Database, openDatabases, type Statement } from "./database.ts";
import { createDefinitionRepository } from "./definition-repository.ts";
import { createEventLog } from "./event-log.ts";
import { createLimitRepository } from "./limit-repository.ts";
import { RunLoader } from "./runs/run-loader.ts";
import { createRunRepository } from "./runs/run-repository.ts";

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Function Name"?: string;
  readonly "CTE Name"?: string;
  readonly "Index Cond"?: string;
  readonly "TID Cond"?: string;
  readonly Plans?: readonly PlanNode[];
}

const silentWake: Wake = { notify: () => undefined, listen: () => () => undefined };
/** What has one row at most, or few: those of the limits that the batch needs room in. */
const few: ReadonlySet<string> = new Set(["lease", "present", "raised", "pools", "slot"]);
const hotWrites = /^(change_runs|number_events|stamp_dispatched|clear_dispatched)/u;

/** What hot writes are, by their names, after a run was worked through on a database that was empty before. */
async function recordHotWrites(): Promise<{ writes: ReadonlyMap<string, Statement>; hot: Database }> {
  const test = await createTestDatabase();
  const { connectionString } = test;
  const databases = openDatabases({ connectionString, poolSize: 4, logger: pino({ level: "silent" }) });
  onTestFinished(async () => {
    await databases.close();
    await test.drop();
  });
  const { ordinary, hot } = databases;
  const writes = new Map<string, Statement>();
  const recording: Database = {
    ...hot,
    query: (statement, values) => {
      if (hotWrites.test(statement.name)) writes.set(statement.name, statement);
      return hot.query(statement, values);
    },
  };
  const pool = { name: "db", size: 1, description: "" };
  await createLimitRepository({ database: ordinary, wake: silentWake }).setPool(pool);
  const definitions = createDefinitionRepository({ database: ordinary, wake: silentWake });
  const tasks = [{ id: "a" }, { id: "b", pool: "db" }];
  await definitions.register({ ...newVersion("dag"), definition: { tasks } });
  const { dagKey = 0, versionKey = 0 } = (await definitions.getActive("dag")) ?? {};
  const now = (): number => Date.now();
  const runs = createRunRepository({ database: recording, loader: new RunLoader(planOfSpec), wake: silentWake, now });
  const created = await runs.createRun(newRun({ dagKey, versionKey }));
  const runKey = created.kind === "created" ? created.runKey : 0;
  const apply = (events: readonly RunEvent[], logs: readonly NewLogChunk[] = []): Promise<unknown> =>
    runs.changeRuns([
      { runKey, decide: (run, { lacksRoom }) => decideRun(run, events, now(), { lacksRoom }), logs: () => logs },
    ]);
  const outcome: AttemptOutcome = { kind: "success", outputs: [{ key: "x", json: "1" }] };
  const queued = [0, 1].map((ordinal) => ({ runKey, ordinal, generation: 1, tryNumber: 1 }));
  await runs.stampDispatched(queued, 5000);
  await runs.clearDispatched(queued);
  for (const ordinal of [0, 1]) {
    await apply([{ kind: "claim", ordinal, generation: 1, tryNumber: 1, workerKey: 1 }]);
    const log = { runKey, ordinal, generation: 1, tryNumber: 1, sequence: 1, entries: [], droppedBytes: 0 };
    await apply([{ kind: "outcome", ordinal, fence: 1, outcome }], [log]);
  }
  await createEventLog({ database: recording, wake: silentWake }).publish(1, 10);
  return { writes, hot };
}

/** Scans in a plan that are made again for each row of another: all but those that look one row up. */
function repeatedScans(node: PlanNode): readonly string[] {
  const plans = node.Plans ?? [];
  const inner = node["Node Type"] === "Nested Loop" ? plans.slice(1).flatMap(scansOf) : [];
  return [...inner, ...plans.flatMap(repeatedScans)];
}

function scansOf(node: PlanNode): readonly string[] {
  // A count of a list is one row, and what it is joined with is one.
  if (node["Node Type"] === "Aggregate") return [];
  if (node.Plans !== undefined) return node.Plans.flatMap(scansOf);
  const name = node["Relation Name"] ?? node["CTE Name"] ?? node["Function Name"] ?? node["Node Type"];
  const isLookup = node["Index Cond"] !== undefined || node["TID Cond"] !== undefined;
  return isLookup || few.has(name) ? [] : [name];
}

it("hot writes look each row of a batch up, also by a plan that was made when the tables were empty", async () => {
  const { writes, hot } = await recordHotWrites();
  expect([...writes.keys()]).toContain("number_events");
  expect(writes.size).toBeGreaterThan(5);
  const found: Record<string, readonly string[]> = {};
  for (const { name, text } of writes.values()) {
    const explain = { name: "", text: `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}` };
    const [row] = await hot.query<{ "QUERY PLAN": readonly [{ readonly Plan: PlanNode }] }>(explain, []);
    const plan = row?.["QUERY PLAN"][0].Plan;
    found[name] = plan === undefined ? ["no plan"] : repeatedScans(plan);
  }
  expect(found).toEqual(Object.fromEntries([...writes.keys()].map((name) => [name, []])));
});
