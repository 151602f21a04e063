import type { DueSchedule, ScheduleMove, ScheduleRow, ScheduleStore } from "#ports/schedule-store.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database, Transaction } from "./database.ts";
import { toDroppedEvent } from "../dropped-event.ts";
import { scheduleStatements as sql } from "./schedule-statements.ts";

interface DueRow {
  readonly dag_key: number;
  readonly dag_id: string;
  readonly version_key: number;
  readonly next_at: number;
  readonly turn_at: number;
  readonly backlog_end: number | null;
  readonly registered_at: number;
}

/** Schedules in PostgreSQL. */
export function createScheduleRepository({ database, wake }: { database: Database; wake: Wake }): ScheduleStore {
  return {
    async listDueSchedules(limit) {
      return (await database.query<DueRow>(sql.listDueSchedules, [limit])).map(fromDueRow);
    },
    async moveSchedules(moves, epoch) {
      if (moves.length === 0) return new Set();
      const values = [JSON.stringify(moves.map(toMoveRow)), epoch];
      const rows = await database.query<{ dag_key: number }>(sql.moveSchedules, values);
      if (moves.some(({ dropped }) => dropped.length > 0)) wake.notify("outbox");
      return new Set(rows.map((row) => row.dag_key));
    },
    async nextScheduleInMs() {
      const [row] = await database.query<{ ms: number | null }>(sql.nextSchedule, []);
      return row?.ms === null || row?.ms === undefined ? null : Math.max(0, row.ms);
    },
    async listActiveRuns(dagKey, limit) {
      const rows = await database.query<{ run_key: number }>(sql.listActiveRuns, [dagKey, limit]);
      return rows.map((row) => row.run_key);
    },
    async pauseAfterFailures({ dagKey, count, epoch }) {
      const rows = await database.query(sql.pauseAfterFailures, [dagKey, epoch, count]);
      if (rows.length > 0) for (const topic of ["definitions", "outbox"] as const) wake.notify(topic);
      return rows.length > 0;
    },
  };
}

/** Writes the schedule of a version that comes into force. */
export function putSchedule(transaction: Transaction, dagKey: number, schedule: ScheduleRow | null): void {
  if (schedule === null) {
    void transaction.query(sql.dropSchedule, [dagKey]);
    return;
  }
  const { text, timezone, rule, firstAt, nextAt } = schedule;
  void transaction.query(sql.putSchedule, [dagKey, text, timezone, rule, firstAt, nextAt]);
}

function fromDueRow(row: DueRow): DueSchedule {
  return {
    dagKey: row.dag_key,
    dagId: row.dag_id,
    versionKey: row.version_key,
    dueAt: row.next_at,
    turnAt: row.turn_at,
    backlogEnd: row.backlog_end,
    registeredAt: row.registered_at,
  };
}

function toMoveRow(move: ScheduleMove): object {
  const last = move.dropped.at(-1);
  return {
    dag_key: move.dagKey,
    slot_from: move.from,
    slot_to: move.to,
    look_at: move.lookAt,
    backlog_end: move.backlogEnd,
    dropped: move.dropped.map(toDroppedEvent),
    last_dropped: last ?? null,
    dropped_count: move.dropped.reduce((total, { count }) => total + count, 0),
  };
}
