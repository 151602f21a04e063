import { Client } from "pg";
import { pino } from "pino";
import type { Plan } from "#core/plan.ts";
import type { Store } from "#ports/store.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { planOfSpec } from "./plan-spec.ts";
import type { StoreHarness } from "./store-harness.ts";
import { createTestDatabase, type TestDatabase } from "./template-database.ts";

/** Children first; versions and schedules go with their DAGs. */
const tables = [
  ...[
    "outputs",
    "attempts",
    "task_instances",
    "dag_runs",
    "template_instances",
    "templates",
    "dags",
    "slot_rows",
    "pools",
  ],
  ...["workers", "leases", "requests", "import_errors", "outbox", "log_chunks", "artifacts", "dead_letters"],
  ...["removals", "unlisted_files"],
];

/** Databases that a test has emptied; taking one costs a tenth of making one. They go with the server. */
const emptied: TestDatabase[] = [];

/** An empty store on PostgreSQL; others on the same database have their own connections and caches. */
export async function openPostgresHarness(
  toPlan: (definition: unknown) => Plan = planOfSpec,
): Promise<StoreHarness & { readonly connectionString: string }> {
  const database = emptied.pop() ?? (await createTestDatabase());
  const { connectionString } = database;
  const stores: Store[] = [];
  const openAnother = async (): Promise<Store> => {
    const logger = pino({ level: "warn" });
    const store = await openPostgresStore({ connectionString, poolSize: 4, toPlan, logger, unsafe: true });
    stores.push(store);
    return store;
  };
  return {
    store: await openAnother(),
    connectionString,
    openAnother,
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await empty(connectionString);
      emptied.push(database);
    },
  };
}

async function empty(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(tables.map((table) => `DELETE FROM ${table}`).join(";"));
  await client.end();
}
