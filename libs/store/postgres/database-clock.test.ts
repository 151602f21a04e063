import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { openPostgresHarness } from "#testing/postgres-harness.ts";

/** Both clocks are of this machine; what a busy one may add between two statements. */
const slackMs = 250;

it("follows the database's clock, in whole milliseconds, whatever the program's wall clock says", async () => {
  const { store, close, connectionString } = await openPostgresHarness();
  const client = new Client({ connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await close();
  });
  const readClock = async (): Promise<number> => {
    const { rows } = await client.query<{ at: string }>("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS at");
    return Number(rows[0]?.at);
  };
  const before = await readClock();
  const now = store.now();
  const after = await readClock();
  expect(now).toBeGreaterThan(before - slackMs);
  expect(now).toBeLessThan(after + slackMs);
  expect(Number.isInteger(now)).toBe(true);
});
