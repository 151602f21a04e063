import { Client } from "pg";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { Wake } from "#ports/wake.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { registerDag } from "#testing/dag-builder.ts";
import { newRun, startRun, success } from "#testing/store-driver.ts";
import { createTestDatabase } from "#testing/template-database.ts";
import { type Database, openDatabases } from "./database.ts";
import { createDefinitionRepository } from "./definition-repository.ts";
import { RunLoader } from "./runs/run-loader.ts";
import { createRunRepository } from "./runs/run-repository.ts";

const silentWake: Wake = { notify: () => undefined, listen: () => () => undefined };

/** A run repository that counts its statements. */
async function openCounted(): Promise<{
  runs: ReturnType<typeof createRunRepository>;
  database: Database;
  count: () => number;
}> {
  const test = await createTestDatabase();
  const databases = openDatabases({
    connectionString: test.connectionString,
    poolSize: 4,
    logger: pino({ level: "silent" }),
  });
  onTestFinished(async () => {
    await databases.close();
    await test.drop();
  });
  let statements = 0;
  const counted: Database = {
    ...databases.hot,
    query: (statement, values) => {
      statements += 1;
      return databases.hot.query(statement, values);
    },
  };
  const runs = createRunRepository({
    database: counted,
    loader: new RunLoader(planOfSpec),
    wake: silentWake,
    now: () => Date.now(),
  });
  return {
    runs,
    database: databases.ordinary,
    count: () => {
      const since = statements;
      statements = 0;
      return since;
    },
  };
}

function by(events: readonly RunEvent[]): (run: RunAggregate) => Decision | null {
  return (run) => decideRun(run, events, Date.now());
}

describe("the number of statements", () => {
  it("does not grow with the width of a change", async () => {
    const { runs, database, count } = await openCounted();
    const definitions = createDefinitionRepository({ database, wake: silentWake });
    const middle = Array.from({ length: 1000 }, (_, place) => ({ id: `m${place}`, parents: ["first"] }));
    const { dagKey } = (await definitions.register({
      dagId: "wide",
      filePath: null,
      source: "api",
      text: "",
      hash: "",
      definition: { tasks: [{ id: "first" }, ...middle] },
      description: "",
      owner: "",
      tags: [],
      schedule: null,
    })) as { dagKey: number };
    const versionKey = (await definitions.getActive("wide"))?.versionKey ?? 0;
    count();
    const created = await runs.createRun(newRun({ dagKey, versionKey }));
    const runKey = created.kind === "created" ? created.runKey : 0;
    expect(count()).toBeLessThanOrEqual(3);
    await runs.changeRuns([
      { runKey, decide: by([{ kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 }]) },
    ]);
    expect(count()).toBe(1);
    await runs.changeRuns([{ runKey, decide: by([{ kind: "outcome", ordinal: 0, fence: 1, outcome: success }]) }]);
    expect(count()).toBe(1);
    const claims = middle.map(
      (_, place): RunEvent => ({ kind: "claim", ordinal: place + 1, generation: 1, tryNumber: 1, workerKey: 1 }),
    );
    const [result] = await runs.changeRuns([{ runKey, decide: by(claims) }]);
    expect(count()).toBe(1);
    expect(result?.kind === "applied" ? result.decision.attempts.length : 0).toBe(1000);
  });
});

describe("the guard of a batch", () => {
  it("is what keeps a refused row's batch from being written: without it half of one is", async () => {
    const { store, close, connectionString } = await openPostgresHarness();
    const client = new Client({ connectionString });
    await client.connect();
    const [honest] = (
      await client.query<{ text: string }>("SELECT pg_get_functiondef('refuse_partial_write'::regproc) AS text")
    ).rows;
    onTestFinished(async () => {
      await client.query(honest?.text ?? "");
      await client.end();
      await close();
    });
    await client.query(
      "CREATE OR REPLACE FUNCTION refuse_partial_write(expected bigint, written bigint) RETURNS void LANGUAGE sql AS ''",
    );
    const { runKey, runId } = await startRun(store, [{ id: "a" }]);
    const forge = (run: RunAggregate): Decision | null => {
      const decision = by([{ kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 }])(run);
      const instances =
        decision?.instances.map(({ next }) => ({ next, guard: { state: "queued" as const, fence: 99 } })) ?? [];
      return decision === null ? null : { ...decision, instances };
    };
    await store.runs.changeRuns([{ runKey, decide: forge }]);
    expect(await store.queries.getRun(runId)).toMatchObject({ state: "running" });
    expect(await store.queries.getInstance(`${runId}__a`)).toMatchObject({ state: "queued" });
  });

  it("lets nobody wait for a run that another connection holds", async () => {
    const { store, close, connectionString } = await openPostgresHarness();
    onTestFinished(close);
    await registerDag(store, "other", { tasks: [{ id: "a" }] });
    const held = await startRun(store, [{ id: "a" }]);
    const free = await startRun(store, [{ id: "a" }]);
    const holder = new Client({ connectionString });
    await holder.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT 1 FROM dag_runs WHERE run_key = $1 FOR UPDATE", [held.runKey]);
    const decide = by([{ kind: "claim", ordinal: 0, generation: 1, tryNumber: 1, workerKey: 1 }]);
    const results = await store.runs.changeRuns([
      { runKey: held.runKey, decide },
      { runKey: free.runKey, decide },
    ]);
    expect(results.map((result) => result.kind)).toEqual(["busy", "applied"]);
    await holder.query("ROLLBACK");
    await holder.end();
    expect((await store.runs.changeRuns([{ runKey: held.runKey, decide }])).map((result) => result.kind)).toEqual([
      "applied",
    ]);
  });
});
