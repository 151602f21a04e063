import type { RegisterWorkerResult, WorkerHello, WorkerStore } from "#ports/worker-store.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database, Transaction } from "./database.ts";

const lockIncarnation = {
  name: "lock_worker_incarnation",
  text: "SELECT worker_key, status, connection FROM workers WHERE incarnation = $1 FOR UPDATE",
};

const nextSession = {
  name: "next_worker_session",
  text: `UPDATE workers SET session_number = session_number + 1, status = 'healthy', executor_id = $2, hostname = $3, version = $4, queues = $5,
      slots = $6, free_slots = $6, labels = $7, capabilities = $8, last_heartbeat_at = now(), lease_expires_at = now() + $9::bigint * interval '1 ms',
      connection = GREATEST(connection, $10::bigint)
    WHERE worker_key = $1 RETURNING worker_key, session_number`,
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
      last_heartbeat_at, lease_expires_at, connection)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, now(), now() + $10::bigint * interval '1 ms', $11)
    ON CONFLICT DO NOTHING RETURNING worker_key, session_number`,
};

const emitConnected = {
  name: "emit_worker_connected",
  text: `INSERT INTO outbox (event_type, resource_type, resource_id, data)
    VALUES ('worker.connected', 'worker', $1, jsonb_build_object('session_number', $2::bigint, 'executor_id', $3::text))`,
};

const beat = {
  name: "beat_workers",
  text: `UPDATE workers w SET last_heartbeat_at = now(), free_slots = b.free_slots, lease_expires_at = now() + b.lease_ms * interval '1 ms'
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[]) AS b(worker_key, session_number, lease_ms, free_slots)
    WHERE w.worker_key = b.worker_key AND w.session_number = b.session_number AND w.status NOT IN ('lost', 'stopped') RETURNING w.worker_key`,
};

/** Guarded by the lease itself: a beat that commits first keeps its worker (G11). */
const markLost = {
  name: "mark_workers_lost",
  text: `WITH ended AS (
      UPDATE workers SET status = 'lost', ended_at = now()
      WHERE status NOT IN ('lost', 'stopped') AND lease_expires_at + $1::bigint * interval '1 ms' < now() RETURNING worker_key, worker_id, incarnation
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, data)
      SELECT 'worker.disconnected', 'worker', worker_id, jsonb_build_object('status', 'lost', 'incarnation', incarnation) FROM ended
    ) SELECT worker_key, worker_id FROM ended ORDER BY worker_key`,
};

const signOff = {
  name: "sign_off_worker",
  text: `WITH ended AS (
      UPDATE workers SET status = 'stopped', ended_at = now()
      WHERE worker_key = $1 AND session_number = $2 AND status NOT IN ('lost', 'stopped') RETURNING worker_id, incarnation
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, data)
      SELECT 'worker.disconnected', 'worker', worker_id, jsonb_build_object('status', 'stopped', 'incarnation', incarnation) FROM ended
    ) SELECT worker_id FROM ended`,
};

/** Workers and their leases in PostgreSQL, judged by the database clock alone. */
export function createWorkerRepository(options: { database: Database; wake: Wake }): WorkerStore {
  const { database, wake } = options;
  return {
    async register(hello) {
      const result = await database.transaction((transaction) => register(transaction, hello));
      if (result.kind === "registered") wake.notify("outbox");
      return result;
    },
    async beat(beats) {
      if (beats.length === 0) return [];
      const values = [
        beats.map((one) => one.workerKey),
        beats.map((one) => one.sessionNumber),
        beats.map((one) => one.leaseMs),
        beats.map((one) => one.freeSlots),
      ];
      const rows = await database.query<{ worker_key: number }>(beat, values);
      return rows.map((row) => row.worker_key);
    },
    async markLost(marginMs) {
      const rows = await database.query<{ worker_key: number; worker_id: string }>(markLost, [marginMs]);
      if (rows.length > 0) wake.notify("outbox");
      return rows.map((row) => ({ workerKey: row.worker_key, workerId: row.worker_id }));
    },
    async signOff(workerKey, sessionNumber) {
      const rows = await database.query(signOff, [workerKey, sessionNumber]);
      if (rows.length > 0) wake.notify("outbox");
    },
  };
}

async function register(transaction: Transaction, hello: WorkerHello): Promise<RegisterWorkerResult> {
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
    if (predecessor.incarnation !== hello.previousIncarnation && !predecessor.is_over)
      return { kind: "refused", reason: "id_in_use" };
    void transaction.query(endPredecessor, [predecessor.worker_key]);
  }
  return enter(transaction, hello, insertWorker, [hello.workerId, hello.incarnation, ...describe(hello)]);
}

async function enter(
  transaction: Transaction,
  hello: WorkerHello,
  statement: typeof insertWorker,
  values: readonly unknown[],
): Promise<RegisterWorkerResult> {
  const [row] = await transaction.query<{ worker_key: number; session_number: number }>(statement, values);
  if (row === undefined) return { kind: "refused", reason: "id_in_use" };
  await transaction.query(emitConnected, [hello.workerId, row.session_number, hello.executorId]);
  return { kind: "registered", workerKey: row.worker_key, sessionNumber: row.session_number };
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
  ];
}
