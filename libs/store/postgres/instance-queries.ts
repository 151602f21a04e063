import type { Plan } from "#core/plan.ts";
import type { TaskState } from "#core/states.ts";
import type { AttemptView, InstanceView, OutputBeginning, OutputView } from "#ports/run-views.ts";
import type { Page, Queries } from "#ports/queries.ts";
import { readInstanceId } from "../instance-id.ts";
import type { Database } from "./database.ts";
import { type ListQuery, type OrderKey, readPage } from "./page-statement.ts";

interface InstanceViewRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly run_id: string;
  readonly dag_id: string;
  readonly version_key: number;
  readonly task_index: number;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly item_key: string | null;
  readonly state: TaskState;
  readonly reason: string | null;
  readonly generation: number;
  readonly try_number: number;
  readonly infra_tries: number;
  readonly operator_type: string;
  readonly queue: string;
  readonly worker_id: string | null;
  readonly hostname: string | null;
  readonly parents_success: number;
  readonly parents_failed: number;
  readonly parents_upstream_failed: number;
  readonly parents_skipped: number;
  readonly queued_at: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly due_at: number | null;
  readonly exit_code: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly last_error: string | null;
  readonly cpu_ms: number | null;
  readonly memory_peak_bytes: number | null;
}

interface AttemptRow {
  readonly try_number: number;
  readonly generation: number;
  readonly state: string;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly worker_id: string | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly error_message: string | null;
  readonly retry_reason: string | null;
  readonly next_retry_at: number | null;
  readonly backoff_delay_ms: number | null;
  readonly cpu_ms: number | null;
  readonly memory_peak_bytes: number | null;
}

interface OutputBeginningRow {
  readonly key: string;
  readonly beginning: string;
  readonly size_bytes: number;
}

interface OutputRow {
  readonly run_id: string;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly key: string;
  readonly value_json: string;
  readonly created_at: number;
}

const instanceColumns = `t.run_key, t.ordinal, r.run_id, r.dag_id, r.version_key, t.task_index, t.task_id, t.map_index, t.item_key, t.state,
  t.reason, t.generation, t.try_number, t.infra_tries, t.operator_type, t.queue, w.worker_id, w.hostname, t.parents_success, t.parents_failed,
  t.parents_upstream_failed, t.parents_skipped, t.queued_at, t.started_at, t.ended_at, t.due_at, a.exit_code, a.error_code, a.error_message, t.last_error,
  a.cpu_ms, a.memory_peak_bytes`;

const instanceSource = `task_instances t JOIN dag_runs r ON r.run_key = t.run_key LEFT JOIN workers w ON w.worker_key = t.worker_key
  LEFT JOIN attempts a ON a.run_key = t.run_key AND a.ordinal = t.ordinal AND a.generation = t.generation AND a.try_number = t.try_number`;

/** An id can be read in several ways; a task wins over an item that would have the same id. */
const getInstance = {
  name: "get_instance_view",
  text: `SELECT ${instanceColumns} FROM unnest($1::text[], $2::text[]) AS reading(run_id, rest), ${instanceSource}
    WHERE r.run_id = reading.run_id AND (t.task_id = reading.rest OR (t.item_key IS NOT NULL AND t.task_id || '__' || t.item_key = reading.rest))
    ORDER BY t.map_index NULLS FIRST LIMIT 1`,
};

const listAttempts = {
  name: "list_attempt_views",
  text: `SELECT a.try_number, a.generation, a.state, a.started_at, a.ended_at, w.worker_id, a.exit_code, a.signal, a.error_message, a.retry_reason,
      a.next_retry_at, a.backoff_delay_ms, a.cpu_ms, a.memory_peak_bytes
    FROM attempts a LEFT JOIN workers w ON w.worker_key = a.worker_key WHERE a.run_key = $1 AND a.ordinal = $2 ORDER BY a.generation, a.try_number`,
};

const listOutputs = {
  name: "list_output_views",
  text: `SELECT r.run_id, t.task_id, t.map_index, o.key, o.value_json, o.created_at
    FROM dag_runs r JOIN outputs o ON o.run_key = r.run_key JOIN task_instances t ON t.run_key = o.run_key AND t.ordinal = o.ordinal
    WHERE r.run_id = $1 AND ($2::text IS NULL OR t.task_id = $2) AND o.generation = t.generation ORDER BY o.ordinal, o.key`,
};

const listOutputBeginnings = {
  name: "list_output_beginnings",
  text: `SELECT o.key, left(o.value_json, $3) AS beginning, octet_length(o.value_json) AS size_bytes
    FROM outputs o JOIN task_instances t ON t.run_key = o.run_key AND t.ordinal = o.ordinal
    WHERE o.run_key = $1 AND o.ordinal = $2 AND o.generation = t.generation ORDER BY o.key LIMIT $4`,
};

/** A run's instances stand in the order of its definition, those of several runs newest run first. */
const inOneRun: readonly OrderKey[] = [{ sql: "t.ordinal", type: "integer", descending: false }];
const inManyRuns: readonly OrderKey[] = [{ sql: "t.run_key", type: "bigint", descending: true }, ...inOneRun];

/** Attempts, hence not the groups of fan-outs: `held` has an index of what workers have now. */
const isLongRunning =
  "t.held AND t.state = 'running' AND t.started_at < now() - ?::double precision * interval '1 millisecond'";

const sorts = {
  task_id: { sql: "t.task_id", type: "text" },
  state: { sql: "t.state", type: "text" },
  queued_at: { sql: "COALESCE(t.queued_at, 'infinity')", type: "timestamptz" },
  start_date: { sql: "COALESCE(t.started_at, 'infinity')", type: "timestamptz" },
  end_date: { sql: "COALESCE(t.ended_at, 'infinity')", type: "timestamptz" },
} satisfies ListQuery<InstanceViewRow, unknown>["sorts"];

export function createInstanceQueries(options: {
  database: Database;
  planOf: (versionKey: number) => Promise<Plan>;
}): Pick<Queries, "listInstances" | "getInstance" | "listAttempts" | "listOutputs" | "listOutputBeginnings"> {
  const { database, planOf } = options;
  const toView = async (row: InstanceViewRow): Promise<InstanceView> => fromRow(row, await planOf(row.version_key));
  return {
    async listInstances(page, { runId, dagId, states, runningLongerThanMs }): Promise<Page<InstanceView>> {
      const conditions = [
        ...(runId === null
          ? []
          : [{ sql: "t.run_key = (SELECT run_key FROM dag_runs WHERE run_id = ?)", value: runId }]),
        ...(dagId === null ? [] : [{ sql: "r.dag_key = (SELECT dag_key FROM dags WHERE dag_id = ?)", value: dagId }]),
        ...(states.length === 0 ? [] : [{ sql: "t.state = ANY(?::text[])", value: states }]),
        ...(runningLongerThanMs === null ? [] : [{ sql: isLongRunning, value: runningLongerThanMs }]),
      ];
      const order = runId === null ? inManyRuns : inOneRun;
      const list = { columns: instanceColumns, from: instanceSource, conditions, order, sorts, toItem: toView };
      const found = await readPage(database, page, list);
      return { ...found, items: await Promise.all(found.items) };
    },
    async getInstance(instanceId) {
      const readings = readInstanceId(instanceId);
      const values = [readings.map((reading) => reading.runId), readings.map((reading) => reading.rest)];
      const [row] = await database.query<InstanceViewRow>(getInstance, values);
      return row === undefined ? null : toView(row);
    },
    async listAttempts(runKey, ordinal) {
      return (await database.query<AttemptRow>(listAttempts, [runKey, ordinal])).map(fromAttemptRow);
    },
    async listOutputs(runId, taskId) {
      return (await database.query<OutputRow>(listOutputs, [runId, taskId])).map(fromOutputRow);
    },
    async listOutputBeginnings({ runKey, ordinal }, { characters, limit }): Promise<readonly OutputBeginning[]> {
      const values = [runKey, ordinal, characters, limit];
      const rows = await database.query<OutputBeginningRow>(listOutputBeginnings, values);
      return rows.map(({ key, beginning, size_bytes: sizeBytes }) => ({ key, beginning, sizeBytes }));
    },
  };
}

function fromRow(row: InstanceViewRow, plan: Plan): InstanceView {
  return {
    runKey: row.run_key,
    ordinal: row.ordinal,
    runId: row.run_id,
    dagId: row.dag_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    itemKey: row.item_key,
    state: row.state,
    reason: row.reason,
    generation: row.generation,
    tryNumber: row.try_number,
    maxRetries: plan.tasks[row.task_index]?.retry.maxRetries ?? 0,
    infraTries: row.infra_tries,
    operatorType: row.operator_type,
    queue: row.queue,
    workerId: row.worker_id,
    hostname: row.hostname,
    parents: {
      success: row.parents_success,
      failed: row.parents_failed,
      upstreamFailed: row.parents_upstream_failed,
      skipped: row.parents_skipped,
    },
    queuedAt: row.queued_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    dueAt: row.due_at,
    exitCode: row.exit_code,
    errorCode: row.error_code,
    errorMessage: row.error_message,
    lastError: row.last_error,
    cpuMs: row.cpu_ms,
    memoryPeakBytes: row.memory_peak_bytes,
  };
}

function fromAttemptRow(row: AttemptRow): AttemptView {
  return {
    tryNumber: row.try_number,
    generation: row.generation,
    state: row.state,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    workerId: row.worker_id,
    exitCode: row.exit_code,
    signal: row.signal,
    errorMessage: row.error_message,
    retryReason: row.retry_reason,
    nextRetryAt: row.next_retry_at,
    backoffDelayMs: row.backoff_delay_ms,
    cpuMs: row.cpu_ms,
    memoryPeakBytes: row.memory_peak_bytes,
  };
}

function fromOutputRow(row: OutputRow): OutputView {
  return {
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    key: row.key,
    json: row.value_json,
    at: row.created_at,
  };
}
