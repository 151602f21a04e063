import { pino } from "pino";
import type { Store } from "#ports/store.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { planOfSpec } from "./plan-spec.ts";
import type { StoreHarness } from "./store-harness.ts";
import { createTestDatabase } from "./template-database.ts";

/** A store on a database of its own; others on the same have their own connections and caches. */
export async function openPostgresHarness(): Promise<StoreHarness & { readonly connectionString: string }> {
  const database = await createTestDatabase();
  const stores: Store[] = [];
  const openAnother = async (): Promise<Store> => {
    const store = await openPostgresStore({
      connectionString: database.connectionString,
      poolSize: 4,
      toPlan: planOfSpec,
      logger: pino({ level: "warn" }),
      unsafe: true,
    });
    stores.push(store);
    return store;
  };
  return {
    store: await openAnother(),
    connectionString: database.connectionString,
    openAnother,
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await database.drop();
    },
  };
}
