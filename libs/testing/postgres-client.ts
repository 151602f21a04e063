import { Client } from "pg";
import { onTestFinished } from "vitest";
import type { Store } from "#ports/store.ts";
import { openPostgresHarness } from "./postgres-harness.ts";

/** An empty store for one test, and a connection of the test's own to its database. */
export async function openStoreWithClient(): Promise<{ readonly store: Store; readonly client: Client }> {
  const { store, close, connectionString } = await openPostgresHarness();
  const client = new Client({ connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await close();
  });
  return { store, client };
}
