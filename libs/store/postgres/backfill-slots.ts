import type { SlotMark } from "#ports/backfill-slot.ts";
import type { BackfillStore } from "#ports/backfill-store.ts";
import type { RunChangeResult } from "#ports/run-store.ts";
import type { Wake } from "#ports/wake.ts";
import { changeRuns } from "../changes/change-runs.ts";
import { roomWakes } from "../changes/room-wakes.ts";
import { RunCache } from "../changes/run-cache.ts";
import { fromBackfillRecord, fromSlotRunRecord, type BackfillRecord, type SlotRunRecord } from "./backfill-row.ts";
import { backfillStatements as sql } from "./backfill-statements.ts";
import type { Database } from "./database.ts";
import type { RunLoader } from "./runs/run-loader.ts";
import { createRunTable } from "./runs/run-table.ts";

type BackfillWork = Pick<
  BackfillStore,
  "listOpen" | "addSlots" | "settle" | "listWaiting" | "markSlots" | "rerunSlot" | "listActiveRuns" | "finish"
>;

/** Ends a transaction of which nothing may stay. */
class RerunRefused extends Error {}

/** What the leader reads and writes of backfills. */
export function createBackfillWork(options: { database: Database; loader: RunLoader; wake: Wake }): BackfillWork {
  const { database, loader, wake } = options;
  return {
    async listOpen({ afterKey, limit }) {
      return (await database.query<BackfillRecord>(sql.listOpen, [afterKey, limit])).map(fromBackfillRecord);
    },
    async addSlots({ backfillKey, plannedTo: before }, { dates, plannedTo, isLast }, epoch) {
      const moved = await database.query(sql.addSlots, [backfillKey, epoch, dates, before, plannedTo, isLast]);
      return moved.length > 0;
    },
    async settle(backfillKey, epoch) {
      const [row] = await database.query<{ active: number }>(sql.settle, [backfillKey, epoch]);
      return row?.active ?? null;
    },
    async listWaiting({ backfillKey, newestFirst }, limit) {
      const statement = newestFirst ? sql.listWaitingNewest : sql.listWaitingOldest;
      const rows = await database.query<SlotRunRecord & { readonly run_key: number | null }>(statement, [
        backfillKey,
        limit,
      ]);
      return rows.map((row) => ({
        logicalAt: row.logical_at,
        run: row.run_key === null ? null : fromSlotRunRecord(row),
      }));
    },
    async markSlots(backfillKey, marks, epoch) {
      if (marks.length === 0) return;
      await database.query(sql.markSlots, [backfillKey, epoch, JSON.stringify(marks.map(toMarkRow))]);
    },
    /** The slot first: what it refuses costs no look at the run. */
    async rerunSlot({ backfillKey, logicalAt, runKey, priorityOffset }, decide, epoch) {
      let applied: Extract<RunChangeResult, { kind: "applied" }>;
      try {
        applied = await database.transaction(async (transaction) => {
          const slots = await transaction.query(sql.activateSlot, [backfillKey, epoch, logicalAt, runKey]);
          if (slots.length === 0) throw new RerunRefused();
          const context = { cache: new RunCache(), table: createRunTable(transaction, loader) };
          const [changed] = await changeRuns(context, [{ runKey, decide }]);
          if (changed?.kind !== "applied") throw new RerunRefused();
          await transaction.query(sql.setPriority, [runKey, priorityOffset]);
          return changed;
        });
      } catch (error) {
        if (error instanceof RerunRefused) return "unchanged";
        throw error;
      }
      for (const topic of ["queued", "outbox", ...roomWakes(applied.run, applied.decision)] as const)
        wake.notify(topic);
      if (applied.decision.evaluateOrdinals.length > 0) wake.notify("evaluations", String(runKey));
      return "rerun";
    },
    async listActiveRuns(backfillKey, limit) {
      const rows = await database.query<{ run_key: number }>(sql.listActiveRuns, [backfillKey, limit]);
      return rows.map((row) => row.run_key);
    },
    async finish(backfillKey, state, epoch) {
      await database.query(sql.finish, [backfillKey, epoch, state]);
    },
  };
}

function toMarkRow(mark: SlotMark): object {
  return mark.state === "active"
    ? { logical_at: mark.logicalAt, state: mark.state, run_key: mark.runKey }
    : { logical_at: mark.logicalAt, state: mark.state, reason: mark.reason };
}
