import { functionPrefix } from "#core/function-capability.ts";
import { activeTasksLimit, poolLimit } from "#core/limit-names.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { PickedInstances } from "#ports/queued-instance.ts";
import type { RunStore } from "#ports/run-store.ts";
import { placeOldest } from "../../changes/place-oldest.ts";
import { type RoomOf, withinRoom } from "../../changes/within-room.ts";
import type { Database } from "../database.ts";
import { isWaiting, needs, poolName } from "../waiting-lanes.ts";
import { isStampedWithin, wasDispatched } from "./dispatch-stamps.ts";

/** Instances without a backend of their own have this word in the pick. */
const deploymentBackend = "";

/** Of what waits in a lane: the lane's queue, pool, operator and needs were looked at before. */
const mayBeTaken = `${isWaiting} AND (t.due_at IS NULL OR t.due_at <= now()) AND COALESCE(t.backend, '${deploymentBackend}') = ANY($2::text[]) AND NOT r.is_paused
      AND (r.max_active_tasks IS NULL OR r.max_active_tasks > COALESCE((SELECT a.out FROM attempts a WHERE a.dag_key = t.dag_key), 0))
      AND ($11::integer IS NULL OR t.queued_at <= now() - $11 * interval '1 ms')
      AND NOT ${isStampedWithin("$6::integer")}`;
const columns = `t.run_key, t.ordinal, t.generation, t.try_number + 1 AS try_number, t.backend, t.pool, t.labels IS NOT NULL OR t.capabilities IS NOT NULL OR t.resources IS NOT NULL OR starts_with(t.operator_type, '${functionPrefix}') AS is_placed, t.resources, r.max_active_tasks, ${wasDispatched} AS was_dispatched`;
const byUrgency = "t.priority DESC, t.dag_priority DESC";
const byAge = "t.queued_at, t.run_key, t.ordinal";

const laneColumns = `t.queue, t.dag_key, ${poolName} AS pool, ${needs} AS needs, t.operator_type, t.labels, t.preferred_labels, t.capabilities, t.resources`;
const byLane = `t.dag_key, ${poolName}, ${needs}`;
/** Whether one of the workers has what all of a lane must have. */
const isMet = `(($8::text[] IS NULL OR l.operator_type = ANY($8)) AND (l.labels IS NULL OR $7::jsonb IS NULL OR l.labels <@ $7) AND (l.capabilities IS NULL OR $9::jsonb IS NULL OR l.capabilities <@ $9)
      AND (l.resources IS NULL OR $10::jsonb IS NULL OR EXISTS (SELECT 1 FROM jsonb_array_elements($10) f(room) WHERE has_room(f.room, l.resources))))`;
/** Whether the workers have the labels that all of a lane would like, or nobody who has them has a free slot. */
const isTheirs = `(l.preferred_labels IS NULL OR $7 IS NULL OR l.preferred_labels <@ $7 OR NOT EXISTS (SELECT 1 FROM workers w
        WHERE w.status = 'healthy' AND w.lease_expires_at > now() AND w.free_slots > 0 AND l.queue = ANY(w.queues)
          AND COALESCE(l.labels, '{}') || l.preferred_labels <@ w.labels AND (w.capabilities = '{}' OR l.operator_type = ANY(w.capabilities))
          AND (l.capabilities IS NULL OR l.capabilities <@ to_jsonb(w.host_capabilities)) AND (l.resources IS NULL OR has_room(w.resources, l.resources))))`;

/** How much more than an even share of the limit is read of each lane at first. */
const shareOfEach = 3;
const leastOfEach = 2;

/**
 * The dispatcher's order. What waits lies in lanes of one queue, DAG, pool and operator, and the same needs of its worker. `lane`
 * jumps from one to the next through the index, within the queues `$1`; those are left out whose pool is full, whose needs
 * no worker meets, or whose DAG has no run that may begin an attempt. Of each the best are read, and a DAG's n-th stands where its attempts that are out, and its n − 1 before it,
 * put it: sorting by that is what taking the DAG with the fewest attempts out again and again would come to (G14). `$4`:
 * how many of the oldest of all are read beside them. `$5`: how many of each lane are read, null for a few more than an
 * even share. `$6`: milliseconds in which a ticket that is out may still be used. `$7`, `$8` and `$9`: labels, operators
 * and capabilities of the workers that it is for, `$10`: what each has free; null: any. `$11`: only what asks for
 * resources and was queued so many milliseconds ago. Where a worker with the labels that a task would like has a free
 * slot, others leave the task to it.
 */
const pickText = `WITH RECURSIVE lane AS (
    SELECT first.* FROM (SELECT DISTINCT unnest($1::text[])) AS q(queue) CROSS JOIN LATERAL (SELECT ${laneColumns} FROM task_instances t
      WHERE ${isWaiting} AND t.queue = q.queue ORDER BY ${byLane} LIMIT 1) first
    UNION ALL
    SELECT next.* FROM lane l CROSS JOIN LATERAL (SELECT ${laneColumns} FROM task_instances t
      WHERE ${isWaiting} AND t.queue = l.queue AND (${byLane}) > (l.dag_key, l.pool, l.needs) ORDER BY ${byLane} LIMIT 1) next
  ), pool_room AS MATERIALIZED (SELECT p.name, p.size - (SELECT count(*) FROM slot_rows s
    WHERE s.limit_name = 'pool/' || p.name AND s.run_key IS NOT NULL AND s.number <= p.size) AS room FROM pools p),
  attempts AS MATERIALIZED (SELECT t.dag_key, count(*) AS out FROM task_instances t WHERE t.held GROUP BY t.dag_key),
  open_lane AS MATERIALIZED (SELECT l.* FROM lane l LEFT JOIN attempts a USING (dag_key)
    WHERE (l.pool = '' OR EXISTS (SELECT 1 FROM pool_room p WHERE p.name = l.pool AND p.room > 0))
      AND EXISTS (SELECT 1 FROM dag_runs r WHERE r.dag_key = l.dag_key AND r.ended_at IS NULL AND r.is_admitted AND NOT r.is_paused
        AND (r.max_active_tasks IS NULL OR r.max_active_tasks > COALESCE(a.out, 0)))),
  lanes AS MATERIALIZED (SELECT l.* FROM open_lane l WHERE ${isMet} AND ${isTheirs} AND ($11::integer IS NULL OR l.resources IS NOT NULL)),
  depth AS MATERIALIZED (SELECT LEAST($3, COALESCE($5::integer, GREATEST(${leastOfEach}, ${shareOfEach} * $3 / GREATEST(1, count(*)::integer) + 1))) AS of_each FROM lanes),
  oldest AS MATERIALIZED (SELECT n.* FROM (SELECT DISTINCT queue, pool, needs FROM lanes) l CROSS JOIN LATERAL (
      SELECT ${columns}, t.dag_key, t.priority, t.dag_priority, t.queued_at FROM task_instances t JOIN dag_runs r USING (run_key)
      WHERE t.queue = l.queue AND ${poolName} = l.pool AND ${needs} = l.needs AND ${mayBeTaken} ORDER BY ${byAge} LIMIT $4) n
    ORDER BY n.queued_at, n.run_key, n.ordinal LIMIT $4),
  best AS (
    SELECT n.*, concat_ws('/', l.queue, l.pool, l.needs) AS lane, COALESCE(a.out, 0) + (SELECT count(*) FROM oldest o WHERE o.dag_key = n.dag_key)
      + row_number() OVER (PARTITION BY n.dag_key ORDER BY n.priority DESC, n.dag_priority DESC, n.queued_at, n.run_key, n.ordinal) AS standing
    FROM lanes l CROSS JOIN LATERAL (
      SELECT ${columns}, t.dag_key, t.priority, t.dag_priority, t.queued_at FROM task_instances t JOIN dag_runs r USING (run_key)
      WHERE t.queue = l.queue AND t.dag_key = l.dag_key AND ${poolName} = l.pool AND ${needs} = l.needs AND ${mayBeTaken}
        AND NOT EXISTS (SELECT 1 FROM oldest o WHERE o.run_key = t.run_key AND o.ordinal = t.ordinal)
      ORDER BY ${byUrgency}, ${byAge} LIMIT (SELECT of_each FROM depth)) n LEFT JOIN attempts a ON a.dag_key = n.dag_key)
  SELECT run_key, ordinal, generation, try_number, backend, pool, is_placed, resources, max_active_tasks, was_dispatched, dag_key, priority, dag_priority, lane, part = 1 AS is_of_dag, (SELECT of_each FROM depth) AS of_each,
    (SELECT CASE WHEN count(DISTINCT f.run_key) = 1 THEN min(f.run_key) END FROM (SELECT run_key FROM oldest UNION ALL SELECT run_key FROM best) f) AS only_run,
    (SELECT room FROM pool_room p WHERE p.name = t.pool) AS pool_room, max_active_tasks - COALESCE((SELECT a.out FROM attempts a WHERE a.dag_key = t.dag_key), 0) AS tasks_room FROM (
    SELECT run_key, ordinal, generation, try_number, backend, pool, is_placed, resources, max_active_tasks, was_dispatched, dag_key, priority, dag_priority, '' AS lane, 0 AS part, 0 AS standing, queued_at FROM oldest
    UNION ALL SELECT run_key, ordinal, generation, try_number, backend, pool, is_placed, resources, max_active_tasks, was_dispatched, dag_key, priority, dag_priority, lane, 1, standing, queued_at FROM best) t
  ORDER BY part, part * priority DESC, part * dag_priority DESC, standing, ${byAge} LIMIT $3`;

const pick = { name: "pick_queued", text: pickText };

interface PickedRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly try_number: number;
  readonly backend: string | null;
  readonly was_dispatched: boolean;
  readonly resources: ResourceAmounts | null;
  readonly is_placed: boolean;
  readonly dag_key: number;
  readonly priority: number;
  readonly dag_priority: number;
  readonly pool: string | null;
  /** Free rows of the pool; null without one. */
  readonly pool_room: number | null;
  /** Attempts that the DAG may begin; null: any number. */
  readonly tasks_room: number | null;
  readonly only_run: number | null;
  /** Read as one of the best of its DAG, not as one of the oldest. */
  readonly is_of_dag: boolean;
  /** Its lane, within its DAG; empty for one of the oldest. */
  readonly lane: string;
  /** How many of each lane were read. */
  readonly of_each: number;
}

export async function pickQueued(
  database: Database,
  {
    queues,
    backends,
    limit,
    oldestAt = [],
    redispatchAfterMs = 0,
    traits,
    rooms,
    askedMs,
  }: Parameters<RunStore["pickQueued"]>[0],
): Promise<PickedInstances> {
  const labels = traits === undefined ? null : JSON.stringify(traits.labels);
  const operators = traits === undefined || traits.operators.length === 0 ? null : traits.operators;
  const names = backends.map((backend) => backend ?? deploymentBackend);
  const read = (ofEach: number | null): Promise<readonly PickedRow[]> =>
    database.query<PickedRow>(pick, [
      queues,
      names,
      limit,
      Math.min(oldestAt.length, limit),
      ofEach,
      redispatchAfterMs,
      labels,
      operators,
      traits === undefined ? null : JSON.stringify(traits.capabilities),
      rooms === undefined ? null : JSON.stringify(rooms),
      askedMs ?? null,
    ]);
  const few = await read(null);
  const rows = mayBeCut(few, limit) ? await read(limit) : few;
  const ordered = rows.map((row) => ({ ...row, dagPriority: row.dag_priority }));
  const [best, oldest] = [ordered.filter((row) => row.is_of_dag), ordered.filter((row) => !row.is_of_dag)];
  const instances = withinRoom(placeOldest(oldest, best, oldestAt), limitsOf).map((row) => ({
    runKey: row.run_key,
    ordinal: row.ordinal,
    generation: row.generation,
    tryNumber: row.try_number,
    backend: row.backend,
    isPlaced: row.is_placed,
    wasDispatched: row.was_dispatched,
    ...(row.resources === null ? {} : { requests: row.resources }),
  }));
  return { instances, mayBeMore: rows.length === limit, onlyRun: rows[0]?.only_run ?? null };
}

function limitsOf({ pool, pool_room, tasks_room, dag_key }: PickedRow): readonly RoomOf[] {
  return [
    ...(pool === null ? [] : [{ limit: poolLimit(pool), room: pool_room ?? 0 }]),
    ...(tasks_room === null ? [] : [{ limit: activeTasksLimit(dag_key), room: tasks_room }]),
  ];
}

/** A lane of which everything that was read was picked may have more that comes before what others gave. */
function mayBeCut(rows: readonly PickedRow[], limit: number): boolean {
  const ofEach = rows[0]?.of_each ?? limit;
  if (ofEach >= limit) return false;
  const counts = new Map<string, number>();
  for (const { dag_key, lane, is_of_dag } of rows) {
    const key = `${dag_key}/${lane}`;
    if (is_of_dag) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts.values()].some((count) => count >= ofEach);
}
