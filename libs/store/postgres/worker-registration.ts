import type { KeptOutcome, RegisterWorkerResult, WorkerHello } from "#ports/worker-store.ts";
import type { Transaction } from "./database.ts";

const lockIncarnation = {
  name: "lock_worker_incarnation",
  text: "SELECT worker_key, status, connection FROM workers WHERE incarnation = $1 FOR UPDATE",
};

const enteredColumns = "worker_key, session_number, succeeded_count, failed_count, drain_reason";

const nextSession = {
  name: "next_worker_session",
  text: `UPDATE workers SET session_number = session_number + 1, status = 'recovering', executor_id = $2, hostname = $3, version = $4, queues = $5,
      slots = $6, free_slots = $6, labels = $7, capabilities = $8, last_heartbeat_at = now(), lease_expires_at = now() + $9::bigint * interval '1 ms',
      connection = GREATEST(connection, $10::bigint), host_capabilities = $11, resources = $12,
      reserved_run_key = NULL, reserved_ordinal = NULL, reserved_at = NULL
    WHERE worker_key = $1 RETURNING ${enteredColumns}`,
};

const lockPredecessor = {
  name: "lock_worker_predecessor",
  text: `SELECT worker_key, incarnation, lease_expires_at <= now() AS is_over FROM workers
    WHERE worker_id = $1 AND status NOT IN ('lost', 'stopped') FOR UPDATE`,
};

const endPredecessor = {
  name: "end_worker_predecessor",
  text: `WITH ended AS (UPDATE workers SET status = 'lost', ended_at = now() WHERE worker_key = $1 RETURNING worker_id, incarnation)
    INSERT INTO outbox (event_type, resource_type, resource_id, data)
    SELECT 'worker.disconnected', 'worker', worker_id, jsonb_build_object('status', 'lost', 'incarnation', incarnation) FROM ended`,
};

/** No row when another has the id or the incarnation by now. */
const insertWorker = {
  name: "insert_worker",
  text: `INSERT INTO workers (worker_id, incarnation, executor_id, hostname, version, queues, slots, free_slots, labels, capabilities,
      last_heartbeat_at, lease_expires_at, connection, host_capabilities, resources, status)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, now(), now() + $10::bigint * interval '1 ms', $11, $12, $13, $14)
    ON CONFLICT DO NOTHING RETURNING ${enteredColumns}`,
};

const emitConnected = {
  name: "emit_worker_connected",
  text: `INSERT INTO outbox (event_type, resource_type, resource_id, data)
    VALUES ('worker.connected', 'worker', $1, jsonb_build_object('session_number', $2::bigint, 'executor_id', $3::text))`,
};

const heldByPredecessors = `t.held AND t.worker_key IN (SELECT worker_key FROM workers WHERE worker_id = $1 AND incarnation = ANY($2::text[]))`;

/** In a statement of its own, before the next one reads them: whoever changes these runs now is waited for. */
const lockKeptRuns = {
  name: "lock_kept_runs",
  text: `SELECT run_key FROM dag_runs WHERE run_id = ANY($3::text[])
    AND run_key IN (SELECT t.run_key FROM task_instances t WHERE ${heldByPredecessors}) ORDER BY run_key FOR UPDATE`,
};

/** The sequence grows as with every change of an instance: what executors know of these runs is out of date. */
const adoptOutcomes = {
  name: "adopt_outcomes",
  text: `WITH adopted AS (
      UPDATE task_instances t SET worker_key = $4, changed_sequence = r.sequence + 1
      FROM json_to_recordset($3::json) AS k(run_id text, task_id text, map_index integer, fence bigint) JOIN dag_runs r USING (run_id)
      WHERE t.run_key = r.run_key AND t.task_id = k.task_id AND t.map_index IS NOT DISTINCT FROM k.map_index AND t.held_fence = k.fence
        AND ${heldByPredecessors}
      RETURNING t.run_key
    ) UPDATE dag_runs r SET sequence = r.sequence + 1 FROM (SELECT DISTINCT run_key FROM adopted) a WHERE r.run_key = a.run_key`,
};

/** A row for a new incarnation, or the next session of a known one. */
export async function registerWorker(transaction: Transaction, hello: WorkerHello): Promise<RegisterWorkerResult> {
  const [known] = await transaction.query<{ worker_key: number; status: string; connection: number }>(lockIncarnation, [
    hello.incarnation,
  ]);
  if (known !== undefined) {
    if (known.status === "lost" || known.status === "stopped") return { kind: "refused", reason: "incarnation_lost" };
    if (hello.connection !== 0 && hello.connection <= known.connection)
      return { kind: "refused", reason: "older_connection" };
    return enter(transaction, hello, nextSession, [known.worker_key, ...describe(hello)]);
  }
  const [predecessor] = await transaction.query<{ worker_key: number; incarnation: string; is_over: boolean }>(
    lockPredecessor,
    [hello.workerId],
  );
  if (predecessor !== undefined) {
    if (!hello.predecessors.includes(predecessor.incarnation) && !predecessor.is_over)
      return { kind: "refused", reason: "id_in_use" };
    void transaction.query(endPredecessor, [predecessor.worker_key]);
  }
  const status = hello.predecessors.length === 0 ? "starting" : "recovering";
  const values = [hello.workerId, hello.incarnation, ...describe(hello), status];
  const result = await enter(transaction, hello, insertWorker, values);
  if (result.kind === "registered") await adopt(transaction, hello, result.workerKey);
  return result;
}

async function adopt(transaction: Transaction, hello: WorkerHello, workerKey: number): Promise<void> {
  const { workerId, predecessors, outcomes } = hello;
  if (outcomes.length === 0 || predecessors.length === 0) return;
  const runIds = [...new Set(outcomes.map(({ runId }) => runId))];
  void transaction.query(lockKeptRuns, [workerId, predecessors, runIds]);
  const kept = JSON.stringify(outcomes.map(toKeptRow));
  await transaction.query(adoptOutcomes, [workerId, predecessors, kept, workerKey]);
}

function toKeptRow({ runId, taskId, mapIndex, fence }: KeptOutcome) {
  return { run_id: runId, task_id: taskId, map_index: mapIndex, fence };
}

interface EnteredRow {
  readonly worker_key: number;
  readonly session_number: number;
  readonly succeeded_count: number;
  readonly failed_count: number;
  readonly drain_reason: string | null;
}

async function enter(
  transaction: Transaction,
  hello: WorkerHello,
  statement: typeof insertWorker,
  values: readonly unknown[],
): Promise<RegisterWorkerResult> {
  const [row] = await transaction.query<EnteredRow>(statement, values);
  if (row === undefined) return { kind: "refused", reason: "id_in_use" };
  await transaction.query(emitConnected, [hello.workerId, row.session_number, hello.executorId]);
  return {
    kind: "registered",
    workerKey: row.worker_key,
    sessionNumber: row.session_number,
    counts: { succeeded: row.succeeded_count, failed: row.failed_count },
    drainReason: row.drain_reason,
  };
}

function describe(hello: WorkerHello): readonly unknown[] {
  const labels = JSON.stringify(hello.labels);
  return [
    hello.executorId,
    hello.hostname,
    hello.version,
    hello.queues,
    hello.slots,
    labels,
    hello.capabilities,
    hello.leaseMs,
    hello.connection,
    hello.hostCapabilities,
    JSON.stringify(hello.resources),
  ];
}
