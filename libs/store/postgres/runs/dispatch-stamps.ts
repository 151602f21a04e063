import type { QueuedInstance, StampedInstance } from "#ports/queued-instance.ts";
import type { RunStore } from "#ports/run-store.ts";
import type { Database } from "../database.ts";

/** Whether `t` has a ticket out that is younger than so many milliseconds, given as SQL. Never null. */
export function isStampedWithin(milliseconds: string): string {
  return `COALESCE(t.dispatched_fence = t.fence AND t.dispatched_at > now() - ${milliseconds} * interval '1 millisecond', false)`;
}

/** A ticket of the present life of `t` was published once. Never null. */
export const wasDispatched = "COALESCE(t.dispatched_fence = t.fence, false)";

/**
 * Rows that another transaction is changing are left out: a stamp waits for nobody, so that it can't be part of a deadlock.
 * Each is looked up by itself: joined, a plan of when nothing waited goes through all that waits.
 */
function queuedRows(more: string): string {
  return `SELECT q.* FROM json_to_recordset($1::json) AS i(run_key bigint, ordinal integer, generation integer, try_number integer)
    CROSS JOIN LATERAL (SELECT t.run_key, t.ordinal FROM task_instances t WHERE t.run_key = i.run_key AND t.ordinal = i.ordinal
      AND t.state = 'queued' AND NOT t.held AND t.generation = i.generation AND t.try_number + 1 = i.try_number${more}
      FOR UPDATE SKIP LOCKED) q`;
}

const stamp = {
  name: "stamp_dispatched",
  text: `WITH picked AS (${queuedRows(` AND NOT ${isStampedWithin("$2::integer")}`)})
    UPDATE task_instances t SET dispatched_at = now(), dispatched_fence = t.fence FROM picked p JOIN dag_runs r USING (run_key)
    WHERE t.run_key = p.run_key AND t.ordinal = p.ordinal
    RETURNING t.run_key, t.ordinal, t.generation, t.try_number + 1 AS try_number, r.run_id, t.task_id, t.map_index, t.queue`,
};

const clear = {
  name: "clear_dispatched",
  text: `WITH picked AS (${queuedRows("")})
    UPDATE task_instances t SET dispatched_at = NULL FROM picked p WHERE t.run_key = p.run_key AND t.ordinal = p.ordinal`,
};

interface StampedRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly try_number: number;
  readonly run_id: string;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly queue: string;
}

export async function stampDispatched(
  database: Database,
  instances: readonly QueuedInstance[],
  redispatchAfterMs: number,
): Promise<readonly StampedInstance[]> {
  const rows = await database.query<StampedRow>(stamp, [toRecords(instances), redispatchAfterMs]);
  return rows.map((row) => ({
    runKey: row.run_key,
    ordinal: row.ordinal,
    generation: row.generation,
    tryNumber: row.try_number,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    queue: row.queue,
  }));
}

export async function clearDispatched(
  database: Database,
  instances: Parameters<RunStore["clearDispatched"]>[0],
): Promise<void> {
  await database.query(clear, [toRecords(instances)]);
}

function toRecords(instances: readonly QueuedInstance[]): string {
  return JSON.stringify(
    instances.map(({ runKey, ordinal, generation, tryNumber }) => ({
      run_key: runKey,
      ordinal,
      generation,
      try_number: tryNumber,
    })),
  );
}
