import { parentEdges } from "#core/graph.ts";
import { needsOfAttempt, needsOfRun } from "#core/limits.ts";
import type { Plan, PlanTask } from "#core/plan.ts";
import { mostQueuedTold } from "#core/queue-depth.ts";
import { noResources } from "#core/resource-amounts.ts";
import type { RunState, TaskState } from "#core/states.ts";
import type { ExplainedInstance, ExplainPlace, ReservedFor } from "#ports/explanation-facts.ts";
import type { Queries } from "#ports/queries.ts";
import type { Database } from "./database.ts";
import { fromRoomRow, type RoomRow, roomColumns } from "./worker-room.ts";

interface RunRow {
  readonly run_key: number;
  readonly version_key: number;
  readonly run_id: string;
  readonly state: RunState;
  readonly is_paused: boolean;
  readonly is_admitted: boolean;
  readonly concurrency_key: string | null;
  readonly dag_key: number;
  readonly ended_at: number | null;
}

interface InstanceRow {
  readonly ordinal: number;
  readonly task_index: number;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly item_key: string | null;
  readonly state: TaskState;
  readonly reason: string | null;
  readonly try_number: number;
  readonly queue: string;
  readonly due_at: number | null;
  readonly waits_for: string | null;
  readonly awaits_evaluation: boolean;
  readonly held: boolean;
  readonly task_held: boolean;
  readonly worker_id: string | null;
  readonly started_at: number | null;
  readonly items_total: number;
  readonly items_ended: number;
  readonly unfinished_count: number;
  readonly distance: number;
}

interface StateRow {
  readonly task_index: number;
  readonly task_id: string;
  readonly state: TaskState;
}

interface WorkerRow extends RoomRow {
  readonly worker_id: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly free_slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly host_capabilities: readonly string[];
  readonly reserved_run_id: string | null;
  readonly reserved_task_id: string;
  readonly reserved_map_index: number | null;
  readonly reserved_at: number;
}

const findRun = {
  name: "explain_run",
  text: "SELECT run_key, version_key, run_id, state, is_paused, is_admitted, concurrency_key, dag_key, ended_at FROM dag_runs WHERE run_id = $1",
};

/** What is nearest to running comes first. */
const distance = `CASE WHEN t.state = 'queued' THEN 0 WHEN t.state = 'up_for_retry' THEN 1 WHEN t.awaits_evaluation THEN 2
  WHEN t.state = 'running' THEN 3 WHEN t.held THEN 4 ELSE 5 END`;

const listUnfinished = {
  name: "explain_instances",
  text: `SELECT t.ordinal, t.task_index, t.task_id, t.map_index, t.item_key, t.state, t.reason, t.try_number, t.queue, t.due_at, t.waits_for,
      t.awaits_evaluation, t.held, w.worker_id, t.started_at, t.items_total, t.items_ended, count(*) OVER () AS unfinished_count, ${distance} AS distance,
      EXISTS (SELECT 1 FROM task_instances o WHERE o.run_key = t.run_key AND o.task_index = t.task_index AND o.held AND o.ordinal <> t.ordinal) AS task_held
    FROM task_instances t LEFT JOIN workers w ON w.worker_key = t.worker_key
    WHERE t.run_key = $1 AND CASE WHEN $2::integer IS NULL
      THEN (t.state IN ('none', 'queued', 'running', 'up_for_retry') OR t.held) AND ($4::integer IS NULL OR (${distance}, t.ordinal) > ($4, $5::integer))
        AND ($6::text[] IS NULL OR concat_ws('__', $7::text, t.task_id, t.item_key) = ANY($6)) ELSE t.ordinal = $2 END
    ORDER BY ${distance}, t.ordinal LIMIT $3`,
};

const listStates = {
  name: "explain_states",
  text: "SELECT task_index, task_id, state FROM task_instances WHERE run_key = $1 AND task_index = ANY($2::integer[]) AND map_index IS NULL",
};

const listWorkers = {
  name: "explain_workers",
  text: `SELECT w.worker_id, w.queues, w.slots, w.free_slots, w.labels, w.capabilities, w.host_capabilities, ${roomColumns},
      r.run_id AS reserved_run_id, k.task_id AS reserved_task_id, k.map_index AS reserved_map_index, w.reserved_at
    FROM workers w
      LEFT JOIN task_instances k ON k.run_key = w.reserved_run_key AND k.ordinal = w.reserved_ordinal AND k.state = 'queued' AND NOT k.held
      LEFT JOIN dag_runs r ON r.run_key = k.run_key
    WHERE w.status NOT IN ('lost', 'stopped') AND w.lease_expires_at > now() ORDER BY w.worker_id`,
};

/** No further than anybody wants to know: pages ask again with each event. */
const countQueued = {
  name: "explain_queues",
  text: `SELECT q.queue, (SELECT count(*) FROM (SELECT FROM task_instances t
      WHERE t.state = 'queued' AND NOT t.held AND t.items_total = 0 AND t.queue = q.queue LIMIT ${mostQueuedTold + 1}) few) AS depth
    FROM unnest($1::text[]) AS q(queue)`,
};

export function createExplainQueries(options: {
  database: Database;
  planOf: (versionKey: number) => Promise<Plan>;
  now: () => number;
}): Pick<Queries, "explain"> {
  const { database, planOf } = options;
  return {
    async explain(runId, { ordinal, limit, instanceIds, after }) {
      const [run] = await database.query<RunRow>(findRun, [runId]);
      if (run === undefined) return null;
      const [rows, workers, plan] = await Promise.all([
        database.query<InstanceRow>(listUnfinished, [
          ...[run.run_key, ordinal, limit, after?.distance ?? null, after?.ordinal ?? null],
          ...[instanceIds ?? null, run.run_id],
        ]),
        database.query<WorkerRow>(listWorkers, []),
        planOf(run.version_key),
      ]);
      const queues = [...new Set(rows.map((row) => row.queue))];
      const parentTasks = new Set(rows.flatMap((row) => (row.map_index === null ? parentTasksOf(plan, row) : [])));
      const [states, depths] = await Promise.all([
        database.query<StateRow>(listStates, [run.run_key, [...parentTasks]]),
        database.query<{ queue: string; depth: number }>(countQueued, [queues]),
      ]);
      const byTask = new Map(states.map((row) => [row.task_index, { taskId: row.task_id, state: row.state }]));
      const parentsOf = (row: InstanceRow): ExplainedInstance["parents"] =>
        parentTasksOf(plan, row).flatMap((task) => byTask.get(task) ?? []);
      return {
        run: {
          runId: run.run_id,
          state: run.state,
          isPaused: run.is_paused,
          isAdmitted: run.is_admitted,
          needs: needsOfRun(plan, { dagKey: run.dag_key, concurrencyKey: run.concurrency_key }),
          endedAt: run.ended_at,
        },
        now: options.now(),
        instances: rows.map((row) => {
          const task = plan.tasks[row.task_index];
          const place = { dagKey: run.dag_key, ordinal: row.ordinal };
          const needs = task === undefined ? [] : needsOfAttempt(plan, task, place);
          const parents = row.map_index === null ? parentsOf(row) : [];
          return toInstance(row, parents, { ...askedBy(task), needs });
        }),
        unfinishedCount: rows[0]?.unfinished_count ?? 0,
        next: nextPlace(rows),
        workers: workers.map((row) => ({
          workerId: row.worker_id,
          queues: row.queues,
          slots: row.slots,
          freeSlots: row.free_slots,
          labels: row.labels,
          operators: row.capabilities,
          capabilities: row.host_capabilities,
          ...fromRoomRow(row),
          reservedFor: toReservedFor(row),
        })),
        queueDepths: new Map(depths.map(({ queue, depth }) => [queue, depth])),
      };
    },
  };
}

/** A task that the version no longer has waits for none. */
function parentTasksOf({ tasks, graph }: Plan, { task_index: task }: InstanceRow): readonly number[] {
  return task < tasks.length ? [...parentEdges(graph, task)].map((edge) => edge.task) : [];
}

function nextPlace(rows: readonly InstanceRow[]): ExplainPlace | null {
  const last = rows.at(-1);
  const isCut = last !== undefined && last.unfinished_count > rows.length;
  return isCut ? { distance: last.distance, ordinal: last.ordinal } : null;
}

function toReservedFor(row: WorkerRow): ReservedFor | null {
  if (row.reserved_run_id === null) return null;
  return {
    runId: row.reserved_run_id,
    taskId: row.reserved_task_id,
    mapIndex: row.reserved_map_index,
    reservedAt: row.reserved_at,
  };
}

type Asked = Pick<ExplainedInstance, "operatorType" | "labels" | "capabilities" | "requests">;

function askedBy(task: PlanTask | undefined): Asked {
  return {
    operatorType: task?.operatorType ?? "",
    labels: task?.labels?.required ?? {},
    capabilities: task?.capabilities ?? [],
    requests: task?.requests ?? noResources,
  };
}

function toInstance(
  row: InstanceRow,
  parents: ExplainedInstance["parents"],
  asked: Asked & Pick<ExplainedInstance, "needs">,
): ExplainedInstance {
  return {
    taskId: row.task_id,
    mapIndex: row.map_index,
    itemKey: row.item_key,
    state: row.state,
    reason: row.reason,
    tryNumber: row.try_number,
    queue: row.queue,
    ...asked,
    dueAt: row.due_at,
    waitsFor: row.waits_for,
    awaitsEvaluation: row.awaits_evaluation,
    isHeld: row.held,
    isTaskHeld: row.task_held,
    workerId: row.worker_id,
    startedAt: row.started_at,
    itemsTotal: row.items_total,
    itemsEnded: row.items_ended,
    parents,
  };
}
