import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { newVersion } from "#testing/dag-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";

it("makes the months to come when a store is opened, and events go where their month is", async () => {
  const { store, openAnother, close, connectionString } = await openPostgresHarness();
  const client = new Client({ connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await close();
  });
  const list = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('outbox'::regclass, 'log_chunks'::regclass) ORDER BY 1",
    );
    return rows.map((row) => row.name);
  };
  const whole = await list();
  const nextMonth = "to_char((now() + interval '1 month') AT TIME ZONE 'UTC', '_YYYY_MM')";
  await client.query(
    `DO $$ BEGIN EXECUTE 'DROP TABLE outbox' || ${nextMonth} || ', log_chunks' || ${nextMonth}; END $$`,
  );
  expect(await list()).toHaveLength(whole.length - 2);
  await Promise.all([openAnother(), openAnother()]);
  expect(await list()).toEqual(whole);
  await store.definitions.register(newVersion("a"));
  const { rows } = await client.query<{ suits: boolean }>(
    "SELECT tableoid::regclass::text = 'outbox' || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM') AS suits FROM outbox",
  );
  expect(rows).toEqual([{ suits: true }]);
});
