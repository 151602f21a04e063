import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { newVersion } from "#testing/dag-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";

async function open() {
  const { store, openAnother, close, connectionString } = await openPostgresHarness();
  onTestFinished(close);
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString });
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  };
  const client = await connect();
  const list = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('outbox'::regclass, 'log_chunks'::regclass) ORDER BY 1",
    );
    return rows.map((row) => row.name);
  };
  return { store, openAnother, client, connect, list };
}

it("makes the months to come when a store is opened, and events go where their month is", async () => {
  const { store, openAnother, client, list } = await open();
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

const logChunk =
  "INSERT INTO log_chunks (run_key, ordinal, generation, try_number, chunk_sequence, first_line, line_count, content";

it("drops the old months that nothing is left of, and no others", async () => {
  const { openAnother, client, list } = await open();
  const whole = await list();
  for (const month of ["2020_01", "2020_02"]) {
    const from = `${month.replace("_", "-")}-01 00:00+00`;
    await client.query(
      `CREATE TABLE log_chunks_${month} PARTITION OF log_chunks FOR VALUES FROM ('${from}') TO ('${from}'::timestamptz + interval '1 month')`,
    );
  }
  await client.query(`${logChunk}, created_at) VALUES (1, 0, 1, 1, 1, 1, 1, '', '2020-02-03')`);
  await openAnother();
  await expect.poll(list).toEqual([...whole, "log_chunks_2020_02"].toSorted());
  await client.query("DELETE FROM log_chunks");
  await openAnother();
  await expect.poll(list).toEqual(whole);
  await client.query(`${logChunk}) VALUES (1, 0, 1, 1, 1, 1, 1, '')`);
});

it("leaves an empty month for later while somebody uses the logs, and never one with a line in it", async () => {
  const { client, connect } = await open();
  await client.query(
    "CREATE TABLE log_chunks_2020_01 PARTITION OF log_chunks FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
  );
  const reader = await connect();
  await reader.query("BEGIN; SELECT 1 FROM log_chunks");
  const drop = "SELECT drop_partition_if_empty('log_chunks', 'log_chunks_2020_01') AS is_dropped";
  await expect(client.query(drop)).rejects.toMatchObject({ code: "55P03" });
  await reader.query(`${logChunk}, created_at) VALUES (1, 0, 1, 1, 1, 1, 1, '', '2020-01-03'); COMMIT`);
  expect((await client.query(drop)).rows).toEqual([{ is_dropped: false }]);
});
