import { poolLimit } from "#core/limit-names.ts";
import { ofRun } from "#core/limits.ts";
import type { LimitHolder, LimitStore, PoolView } from "#ports/limit-store.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database } from "./database.ts";
import { addSlotRows } from "./runs/slot-statement.ts";

const setPool = {
  name: "set_pool",
  text: `INSERT INTO pools (name, size, description) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET size = EXCLUDED.size, description = EXCLUDED.description`,
};
const deletePool = { name: "delete_pool", text: "DELETE FROM pools WHERE name = $1 RETURNING name" };
const listPools = {
  name: "list_pools",
  text: `SELECT p.name, p.size, p.description,
      (SELECT count(*) FROM slot_rows s WHERE s.limit_name = 'pool/' || p.name AND s.run_key IS NOT NULL) AS used,
      (SELECT count(*) FROM task_instances t WHERE t.pool = p.name AND t.state = 'queued' AND NOT t.held AND t.items_total = 0) AS waiting
    FROM pools p ORDER BY p.name COLLATE "C"`,
};
const listHolders = {
  name: "list_limit_holders",
  text: `SELECT s.run_key, r.run_id, t.task_id, t.map_index, s.taken_at, count(*) OVER () AS used FROM slot_rows s JOIN dag_runs r USING (run_key)
    LEFT JOIN task_instances t ON t.run_key = s.run_key AND t.ordinal = s.ordinal AND s.ordinal <> ${ofRun}
    WHERE s.limit_name = $1 AND s.run_key IS NOT NULL ORDER BY s.taken_at, s.number LIMIT $2`,
};

const poolSize = { name: "read_pool_size", text: "SELECT size FROM pools WHERE 'pool/' || name = $1" };

interface HolderRow {
  readonly run_key: number;
  readonly run_id: string;
  readonly task_id: string | null;
  readonly map_index: number | null;
  readonly taken_at: number;
  readonly used: number;
}

/** Pools and holders in PostgreSQL. */
export function createLimitRepository({ database, wake }: { database: Database; wake: Wake }): LimitStore {
  return {
    async setPool({ name, size, description }) {
      await database.query(setPool, [name, size, description]);
      // Rows beyond a smaller size stay, unused; a repetition after a crash makes those that are missing.
      await addSlotRows(database, [{ limit: poolLimit(name), size }]);
      wake.notify("queued");
    },
    async deletePool(name) {
      return (await database.query(deletePool, [name])).length > 0;
    },
    async listPools() {
      return database.query<PoolView>(listPools, []);
    },
    async listHolders(limit, most) {
      return (await database.query<HolderRow>(listHolders, [limit, most])).map(fromHolderRow);
    },
    describeLimits(needs, most) {
      return Promise.all(
        needs.map(async ({ limit, size }) => {
          const [rows, [pool]] = await Promise.all([
            database.query<HolderRow>(listHolders, [limit, most]),
            size === null ? database.query<{ size: number }>(poolSize, [limit]) : [],
          ]);
          return {
            limit,
            size: size ?? pool?.size ?? null,
            used: rows[0]?.used ?? 0,
            holders: rows.map(fromHolderRow),
          };
        }),
      );
    },
  };
}

function fromHolderRow(row: HolderRow): LimitHolder {
  return {
    runKey: row.run_key,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    takenAt: row.taken_at,
  };
}
