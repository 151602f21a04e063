import type { Plan } from "#core/plan.ts";
import type { Queries } from "#ports/queries.ts";
import { createDagQueries } from "./dag-queries.ts";
import type { Database } from "./database.ts";
import { createExplainQueries } from "./explain-queries.ts";
import { createInstanceQueries } from "./instance-queries.ts";
import { createRunQueries } from "./run-queries.ts";
import { createVersionQueries } from "./version-queries.ts";
import { createWorkerQueries } from "./worker-queries.ts";

const ping = { name: "ping", text: "SELECT 1" };

/** Reads for people, on the ordinary connections. */
export function createQueries(options: {
  database: Database;
  planOf: (versionKey: number) => Promise<Plan>;
  now: () => number;
}): Queries {
  const { database } = options;
  return {
    ...createDagQueries(database),
    ...createRunQueries(database),
    ...createInstanceQueries(options),
    ...createExplainQueries(options),
    ...createVersionQueries(database),
    ...createWorkerQueries(database),
    async ping() {
      await database.query(ping, []);
    },
  };
}
