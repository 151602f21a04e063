import { Client } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import { registerDag } from "#testing/dag-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { newRun } from "#testing/store-driver.ts";

/** Each write of a run fails twice with this code before it goes through. */
async function failWrites(connectionString: string, code: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.query("DROP TRIGGER fail_twice ON dag_runs; DROP FUNCTION fail_twice(); DROP SEQUENCE failures");
    await client.end();
  });
  await client.query(`CREATE SEQUENCE failures;
    CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('failures') % 3 <> 0 THEN RAISE EXCEPTION 'planted' USING ERRCODE = '${code}'; END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER fail_twice AFTER INSERT OR UPDATE ON dag_runs FOR EACH ROW EXECUTE FUNCTION fail_twice()`);
}

describe("a write of a run that fails in passing", () => {
  it.each([
    ["a serialization failure", "40001"],
    ["a deadlock", "40P01"],
    ["a statement timeout", "57014"],
  ])("is made again after %s, and nobody hears of it", async (_, code) => {
    const { store, connectionString, close } = await openPostgresHarness();
    onTestFinished(close);
    const keys = await registerDag(store, "a", { tasks: [{ id: "first" }] });
    await failWrites(connectionString, code);
    const created = await store.runs.createRun(newRun(keys));
    expect(created).toMatchObject({ kind: "created" });
    const runKey = created.kind === "created" ? created.runKey : 0;
    const [changed] = await store.runs.changeRuns([
      { runKey, decide: (run) => decideRun(run, [{ kind: "cancel", reason: "cancelled" }], store.now()) },
    ]);
    expect(changed).toMatchObject({ kind: "applied", run: { run: { state: "cancelled" } } });
  });
});
