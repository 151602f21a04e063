import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { newVersion } from "#testing/dag-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";

it("keeps the place of a schedule from before there were rules, and writes its rule", async () => {
  const harness = await openPostgresHarness();
  onTestFinished(() => harness.close());
  const { store, connectionString } = harness;
  const client = new Client({ connectionString });
  await client.connect();
  onTestFinished(() => client.end());
  const rules = async (): Promise<unknown> => (await client.query("SELECT rule FROM schedules")).rows;
  const dueAt = store.now() - 1000;
  const schedule = { text: "@daily", timezone: "UTC", rule: "daily", firstAt: dueAt, nextAt: dueAt };
  await store.definitions.register(newVersion("a", { hash: "1", schedule }));
  await client.query("UPDATE schedules SET rule = NULL");

  const later = dueAt + 86_400_000;
  await store.definitions.register(newVersion("a", { hash: "2", schedule: { ...schedule, nextAt: later } }));
  expect(await store.definitions.listDueSchedules(10)).toMatchObject([{ dueAt }]);
  expect(await rules()).toEqual([{ rule: "daily" }]);

  await client.query("UPDATE schedules SET rule = NULL");
  const moved = { ...schedule, timezone: "Asia/Tokyo", nextAt: later };
  await store.definitions.register(newVersion("a", { hash: "3", schedule: moved }));
  expect(await store.definitions.listDueSchedules(10)).toEqual([]);
});
