import { expect, it } from "vitest";
import { openStoreWithClient } from "#testing/postgres-client.ts";

/** Both clocks are of this machine; what a busy one may add between two statements. */
const slackMs = 250;

it("follows the database's clock, in whole milliseconds, whatever the program's wall clock says", async () => {
  const { store, client } = await openStoreWithClient();
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
