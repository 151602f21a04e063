import type { Plan } from "#core/plan.ts";
import type { Queries } from "#ports/queries.ts";
import { createDagQueries } from "./dag-queries.ts";
import type { Database } from "./database.ts";
import { createExplainQueries } from "./explain-queries.ts";
import { createInstanceQueries } from "./instance-queries.ts";
import { createRunQueries } from "./run-queries.ts";

interface WorkerRow {
  readonly worker_id: string;
  readonly status: string;
  readonly hostname: string;
  readonly slots: number;
  readonly free_slots: number;
  readonly last_beat_at: number;
}

/** The newest incarnation of each worker; lost ones leave the list after an hour, those that signed off at once. */
const listWorkers = {
  name: "list_worker_views",
  text: `SELECT DISTINCT ON (worker_id) worker_id, status, hostname, slots, free_slots, COALESCE(last_heartbeat_at, started_at) AS last_beat_at
    FROM workers WHERE status NOT IN ('lost', 'stopped') OR (status = 'lost' AND ended_at > now() - interval '1 hour')
    ORDER BY worker_id, worker_key DESC`,
};

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
    async listWorkers() {
      const rows = await database.query<WorkerRow>(listWorkers, []);
      return rows.map((row) => ({
        workerId: row.worker_id,
        status: row.status,
        hostname: row.hostname,
        slots: row.slots,
        freeSlots: row.free_slots,
        lastBeatAt: row.last_beat_at,
      }));
    },
    async ping() {
      await database.query(ping, []);
    },
  };
}
