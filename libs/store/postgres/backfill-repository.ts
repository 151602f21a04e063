import type { BackfillStore, BackfillView, NewBackfill } from "#ports/backfill-store.ts";
import type { Wake } from "#ports/wake.ts";
import {
  type BackfillViewRecord,
  fromBackfillViewRecord,
  fromSlotRunRecord,
  type SlotRunRecord,
} from "./backfill-row.ts";
import { createBackfillWork } from "./backfill-slots.ts";
import { backfillColumns, backfillSource, backfillStatements as sql } from "./backfill-statements.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";
import { runList } from "./run-queries.ts";
import type { RunLoader } from "./runs/run-loader.ts";

const backfillList = {
  columns: backfillColumns,
  from: backfillSource,
  order: [{ sql: "b.backfill_key", type: "bigint", descending: true }],
  sorts: {
    created_at: { sql: "b.created_at", type: "timestamptz" },
    dag_id: { sql: "d.dag_id", type: "text" },
    state: { sql: "b.state", type: "text" },
  },
  toItem: fromBackfillViewRecord,
} satisfies Omit<ListQuery<BackfillViewRecord, BackfillView>, "conditions">;

/** Backfills in PostgreSQL. */
export function createBackfillRepository(options: {
  database: Database;
  loader: RunLoader;
  wake: Wake;
}): BackfillStore {
  const { database, wake } = options;
  return {
    ...createBackfillWork(options),
    async create(backfill) {
      const [made] = await database.query<{ backfill_id: string }>(sql.create, createValues(backfill));
      if (made !== undefined) {
        wake.notify("backfills");
        return { kind: "created", backfillId: made.backfill_id };
      }
      const values = [backfill.createdBy, backfill.request?.id];
      const [earlier] = await database.query<{ backfill_id: string; body_hash: string }>(sql.findRequest, values);
      if (earlier?.body_hash !== backfill.request?.bodyHash) return { kind: "request_conflict" };
      return { kind: "repeated", backfillId: earlier?.backfill_id ?? "" };
    },
    async get(backfillId) {
      const [row] = await database.query<BackfillViewRecord>(sql.get, [backfillId]);
      return row === undefined ? null : fromBackfillViewRecord(row);
    },
    list(page, { dagId, states }) {
      const conditions = [
        ...(dagId === null ? [] : [{ sql: "d.dag_id = ?", value: dagId }]),
        ...(states.length === 0 ? [] : [{ sql: "b.state = ANY(?::text[])", value: states }]),
      ];
      return readPage(database, page, { ...backfillList, conditions });
    },
    listRuns(page, backfillId) {
      const own = `r.run_key IN (SELECT s.run_key FROM backfill_slots s JOIN backfills b USING (backfill_key)
        WHERE b.backfill_id = ? AND s.run_key IS NOT NULL)`;
      return readPage(database, page, { ...runList, conditions: [{ sql: own, value: backfillId }] });
    },
    async findRuns(dagKey, dates) {
      const rows = await database.query<SlotRunRecord>(sql.findRuns, [dagKey, dates]);
      return new Map(rows.map((row) => [row.logical_at, fromSlotRunRecord(row)]));
    },
    async setPaused(backfillId, isPaused) {
      const changed = await database.query(sql.setPaused, [backfillId, isPaused]);
      wake.notify("backfills");
      return changed.length > 0;
    },
    async cancel(backfillId, { cancelRuns }) {
      const changed = await database.query(sql.cancel, [backfillId, cancelRuns]);
      wake.notify("backfills");
      return changed.length > 0;
    },
  };
}

function createValues(next: NewBackfill): readonly unknown[] {
  return [
    next.backfillId,
    next.dagKey,
    next.versionKey,
    next.fromAt,
    next.toAt,
    next.selection,
    next.newestFirst,
    next.maxActiveRuns,
    next.priorityOffset,
    JSON.stringify(next.parameters),
    next.note,
    next.createdBy,
    next.slotCount,
    next.request?.id ?? null,
    next.request?.bodyHash ?? null,
  ];
}
