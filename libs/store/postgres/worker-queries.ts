import { mostQueuedTold } from "#core/queue-depth.ts";
import type {
  ActiveTask,
  QueueView,
  WorkerQueries,
  WorkerStatus,
  WorkerTotals,
  WorkerView,
} from "#ports/worker-views.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";
import { isWaiting, needs, poolName } from "./waiting-lanes.ts";
import { fromRoomRow, type RoomRow, roomColumns } from "./worker-room.ts";

interface WorkerRow extends RoomRow {
  readonly worker_key: number;
  readonly worker_id: string;
  readonly incarnation: string;
  readonly status: WorkerStatus;
  readonly status_reason: string;
  readonly hostname: string;
  readonly version: string;
  readonly executor_id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly queues: readonly string[];
  readonly slots: number;
  readonly free_slots: number;
  readonly cpu_percent: number | null;
  readonly memory_percent: number | null;
  readonly disk_percent: number | null;
  readonly drain_reason: string | null;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly last_beat_at: number;
  readonly last_task_at: number | null;
  readonly succeeded_count: number;
  readonly failed_count: number;
  readonly host_capabilities: readonly string[];
}

const workerColumns = `w.worker_key, w.worker_id, w.incarnation, w.status, w.status_reason, w.hostname, w.version, w.executor_id, w.labels, w.capabilities, w.queues,
  w.slots, w.free_slots, w.cpu_percent, w.memory_percent, w.disk_percent, w.drain_reason, w.started_at, w.ended_at,
  COALESCE(w.last_heartbeat_at, w.started_at) AS last_beat_at, w.last_task_at, w.succeeded_count, w.failed_count, w.host_capabilities, ${roomColumns}`;

const ended: readonly WorkerStatus[] = ["lost", "stopped"];

const isNewest = "NOT EXISTS (SELECT 1 FROM workers n WHERE n.worker_id = w.worker_id AND n.worker_key > w.worker_key)";

const workerList = {
  columns: workerColumns,
  from: `(SELECT * FROM workers w WHERE ${isNewest}) w`,
  order: [{ sql: "w.worker_id", type: "text", descending: false }],
  sorts: {
    worker_id: { sql: "w.worker_id", type: "text" },
    status: { sql: "w.status", type: "text" },
    started_at: { sql: "w.started_at", type: "timestamptz" },
  },
  toItem: fromWorkerRow,
} satisfies Omit<ListQuery<WorkerRow, WorkerView>, "conditions">;

/** Those in service; those that were lost stay for an hour. */
const isListed = "(w.status <> ALL (?::text[]) OR (w.status = 'lost' AND w.ended_at > now() - interval '1 hour'))";

const listIncarnations = {
  name: "list_worker_incarnations",
  text: `SELECT ${workerColumns} FROM workers w WHERE w.worker_id = $1 ORDER BY w.worker_key DESC LIMIT $2`,
};

const listActiveTasks = {
  name: "list_active_tasks",
  text: `SELECT t.worker_key, r.run_id, r.dag_id, t.task_id, t.map_index, t.item_key, t.try_number, t.started_at
    FROM task_instances t JOIN dag_runs r USING (run_key) WHERE t.held AND t.worker_key = ANY($1::bigint[])
    ORDER BY t.worker_key, t.run_key, t.ordinal LIMIT $2`,
};

interface ActiveTaskRow {
  readonly worker_key: number;
  readonly run_id: string;
  readonly dag_id: string;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly item_key: string | null;
  readonly try_number: number;
  readonly started_at: number | null;
}

interface TotalsRow {
  readonly worker_id: string;
  readonly incarnations: number;
  readonly losses: number;
  readonly succeeded_count: number;
  readonly failed_count: number;
  readonly last_task_at: number | null;
}

const totalsList = {
  columns: "s.worker_id, s.incarnations, s.losses, s.succeeded_count, s.failed_count, s.last_task_at",
  from: `(SELECT worker_id, count(*) AS incarnations, count(*) FILTER (WHERE status = 'lost') AS losses,
      sum(succeeded_count)::bigint AS succeeded_count, sum(failed_count)::bigint AS failed_count, max(last_task_at) AS last_task_at
    FROM workers GROUP BY worker_id) s`,
  conditions: [],
  order: [{ sql: "s.worker_id", type: "text", descending: false }],
  sorts: {
    worker_id: { sql: "s.worker_id", type: "text" },
    succeeded: { sql: "s.succeeded_count", type: "bigint" },
    failed: { sql: "s.failed_count", type: "bigint" },
  },
  toItem: (row: TotalsRow): WorkerTotals => ({
    workerId: row.worker_id,
    incarnations: row.incarnations,
    losses: row.losses,
    succeededCount: row.succeeded_count,
    failedCount: row.failed_count,
    lastTaskAt: row.last_task_at,
  }),
} satisfies ListQuery<TotalsRow, WorkerTotals>;

const byLane = `t.queue, ${poolName}, ${needs}`;

/**
 * `lane` jumps through the lanes of each queue, oldest first in each. What waits is counted no further than anybody wants to
 * know. The cost follows the lanes and that limit, not what waits or what the table holds.
 */
const listQueues = {
  name: "list_queues",
  text: `WITH RECURSIVE lane AS (
      (SELECT t.queue, ${poolName} AS pool, ${needs} AS needs, t.queued_at FROM task_instances t
        WHERE ${isWaiting} ORDER BY ${byLane}, t.queued_at LIMIT 1)
      UNION ALL
      SELECT next.* FROM lane l CROSS JOIN LATERAL (SELECT t.queue, ${poolName} AS pool, ${needs} AS needs, t.queued_at FROM task_instances t
        WHERE ${isWaiting} AND (${byLane}) > (l.queue, l.pool, l.needs) ORDER BY ${byLane}, t.queued_at LIMIT 1) next
    ), waiting AS (
      SELECT q.queue, q.oldest_at, (SELECT count(*) FROM (SELECT FROM task_instances t
        WHERE ${isWaiting} AND t.queue = q.queue LIMIT ${mostQueuedTold + 1}) few) AS depth
      FROM (SELECT queue, min(queued_at) AS oldest_at FROM lane GROUP BY queue) q
    ), served AS (
      SELECT queue, count(*) AS workers, sum(slots)::bigint AS slots, sum(CASE WHEN status = 'healthy' THEN free_slots ELSE 0 END)::bigint AS free_slots
      FROM workers, unnest(queues) AS queue WHERE status NOT IN ('lost', 'stopped') GROUP BY queue
    ) SELECT queue, COALESCE(depth, 0) AS depth, oldest_at, COALESCE(workers, 0) AS workers, COALESCE(slots, 0) AS slots,
      COALESCE(free_slots, 0) AS free_slots
    FROM waiting FULL JOIN served USING (queue) ORDER BY queue COLLATE "C"`,
};

interface QueueRow {
  readonly queue: string;
  readonly depth: number;
  readonly oldest_at: number | null;
  readonly workers: number;
  readonly slots: number;
  readonly free_slots: number;
}

const countWorkers = {
  name: "count_workers",
  text: "SELECT count(*) AS count FROM workers WHERE status NOT IN ('lost', 'stopped')",
};

/** Workers and queues for people, on the ordinary connections. */
export function createWorkerQueries(database: Database): WorkerQueries {
  return {
    listWorkers(page, { states }) {
      const condition =
        states.length === 0 ? { sql: isListed, value: ended } : { sql: "w.status = ANY (?::text[])", value: states };
      return readPage(database, page, { ...workerList, conditions: [condition] });
    },
    async listIncarnations(workerId, limit) {
      return (await database.query<WorkerRow>(listIncarnations, [workerId, limit])).map(fromWorkerRow);
    },
    async listActiveTasks(workerKeys, limit) {
      if (workerKeys.length === 0) return [];
      return (await database.query<ActiveTaskRow>(listActiveTasks, [workerKeys, limit])).map(fromActiveTaskRow);
    },
    listWorkerTotals: (page) => readPage(database, page, totalsList),
    async listQueues() {
      return (await database.query<QueueRow>(listQueues, [])).map(fromQueueRow);
    },
    async countWorkers() {
      const [row] = await database.query<{ count: number }>(countWorkers, []);
      return row?.count ?? 0;
    },
  };
}

function fromWorkerRow(row: WorkerRow): WorkerView {
  const { cpu_percent: cpuPercent, memory_percent: memoryPercent, disk_percent: diskPercent } = row;
  const tells = cpuPercent !== null && memoryPercent !== null && diskPercent !== null;
  return {
    workerKey: row.worker_key,
    workerId: row.worker_id,
    incarnation: row.incarnation,
    status: row.status,
    statusReason: row.status_reason,
    hostname: row.hostname,
    version: row.version,
    executorId: row.executor_id,
    labels: row.labels,
    capabilities: row.capabilities,
    hostCapabilities: row.host_capabilities,
    queues: row.queues,
    slots: row.slots,
    freeSlots: row.free_slots,
    ...fromRoomRow(row),
    usage: tells ? { cpuPercent, memoryPercent, diskPercent } : null,
    drainReason: row.drain_reason,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    lastBeatAt: row.last_beat_at,
    lastTaskAt: row.last_task_at,
    succeededCount: row.succeeded_count,
    failedCount: row.failed_count,
  };
}

function fromActiveTaskRow(row: ActiveTaskRow): ActiveTask {
  return {
    workerKey: row.worker_key,
    runId: row.run_id,
    dagId: row.dag_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    itemKey: row.item_key,
    tryNumber: row.try_number,
    startedAt: row.started_at,
  };
}

function fromQueueRow(row: QueueRow): QueueView {
  return {
    queue: row.queue,
    depth: Math.min(row.depth, mostQueuedTold),
    hasMore: row.depth > mostQueuedTold,
    oldestAt: row.oldest_at,
    workers: row.workers,
    slots: row.slots,
    freeSlots: row.free_slots,
  };
}
