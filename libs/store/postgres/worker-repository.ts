import type { WorkerBeat } from "#ports/worker-beat.ts";
import type { WorkerStore } from "#ports/worker-store.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database } from "./database.ts";
import { registerWorker } from "./worker-registration.ts";

const admit = {
  name: "admit_worker",
  text: `UPDATE workers SET status = 'healthy' WHERE worker_key = $1 AND session_number = $2 AND status IN ('starting', 'recovering')`,
};

/** The second part reads the rows as they were before the first: it tells of a status that has changed. */
const beat = {
  name: "beat_workers",
  text: `WITH b AS (SELECT * FROM json_to_recordset($1::json) AS b(worker_key bigint, session_number bigint, lease_ms bigint, free_slots integer,
      status text, status_reason text, cpu_percent real, memory_percent real, disk_percent real, succeeded_count bigint, failed_count bigint, last_task_at double precision,
      reserved_run_key bigint, reserved_ordinal integer, reserved_at double precision)
    ), renewed AS (
      UPDATE workers w SET last_heartbeat_at = now(), lease_expires_at = now() + b.lease_ms * interval '1 ms', free_slots = b.free_slots,
        status = b.status, status_reason = b.status_reason, cpu_percent = b.cpu_percent, memory_percent = b.memory_percent, disk_percent = b.disk_percent,
        succeeded_count = b.succeeded_count, failed_count = b.failed_count, last_task_at = COALESCE(from_ms(b.last_task_at), w.last_task_at),
        reserved_run_key = b.reserved_run_key, reserved_ordinal = b.reserved_ordinal, reserved_at = from_ms(b.reserved_at)
      FROM b WHERE w.worker_key = b.worker_key AND w.session_number = b.session_number AND w.status NOT IN ('lost', 'stopped')
      RETURNING w.worker_key, w.status, w.drain_reason
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, data)
      SELECT 'worker.status', 'worker', w.worker_id,
        jsonb_build_object('status', r.status, 'previous_status', w.status, 'incarnation', w.incarnation)
      FROM renewed r JOIN workers w ON w.worker_key = r.worker_key WHERE w.status <> r.status RETURNING 1
    ) SELECT worker_key, drain_reason, EXISTS (SELECT 1 FROM event) AS has_events FROM renewed`,
};

const markSilent = {
  name: "mark_workers_silent",
  text: `WITH silent AS (
      UPDATE workers SET status = 'degraded' WHERE status = 'healthy' AND last_heartbeat_at + $1::bigint * interval '1 ms' < now()
      RETURNING worker_id, incarnation
    ) INSERT INTO outbox (event_type, resource_type, resource_id, data)
    SELECT 'worker.status', 'worker', worker_id,
      jsonb_build_object('status', 'degraded', 'previous_status', 'healthy', 'incarnation', incarnation) FROM silent RETURNING 1 AS one`,
};

const requestDrain = {
  name: "request_worker_drain",
  text: `UPDATE workers SET drain_reason = COALESCE(drain_reason, $2) WHERE worker_id = $1 AND status NOT IN ('lost', 'stopped') RETURNING worker_key`,
};

const readDrainReason = {
  name: "read_worker_drain_reason",
  text: "SELECT drain_reason FROM workers WHERE worker_key = $1 AND status NOT IN ('lost', 'stopped')",
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
      UPDATE workers SET status = 'stopped', ended_at = now(), succeeded_count = COALESCE($3::bigint, succeeded_count),
        failed_count = COALESCE($4::bigint, failed_count), last_task_at = COALESCE(from_ms($5::double precision), last_task_at)
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
      const result = await database.transaction((transaction) => registerWorker(transaction, hello));
      if (result.kind === "registered") wake.notify("outbox");
      return result;
    },
    async admit(workerKey, sessionNumber) {
      await database.query(admit, [workerKey, sessionNumber]);
    },
    async beat(beats) {
      if (beats.length === 0) return [];
      const rows = await database.query<RenewedRow>(beat, [JSON.stringify(beats.map(toBeatRow))]);
      if (rows[0]?.has_events === true) wake.notify("outbox");
      return rows.map((row) => ({ workerKey: row.worker_key, drainReason: row.drain_reason }));
    },
    async markSilent(silentMs) {
      const rows = await database.query(markSilent, [silentMs]);
      if (rows.length > 0) wake.notify("outbox");
    },
    async requestDrain(workerId, reason) {
      const [row] = await database.query<{ worker_key: number }>(requestDrain, [workerId, reason]);
      return row?.worker_key ?? null;
    },
    async readDrainReason(workerKey) {
      const [row] = await database.query<{ drain_reason: string | null }>(readDrainReason, [workerKey]);
      return row?.drain_reason ?? null;
    },
    async markLost(marginMs) {
      const rows = await database.query<{ worker_key: number; worker_id: string }>(markLost, [marginMs]);
      if (rows.length > 0) wake.notify("outbox");
      return rows.map((row) => ({ workerKey: row.worker_key, workerId: row.worker_id }));
    },
    async signOff(workerKey, sessionNumber, tally) {
      const { succeeded = null, failed = null } = tally?.counts ?? {};
      const values = [workerKey, sessionNumber, succeeded, failed, tally?.lastTaskAt ?? null];
      const rows = await database.query(signOff, values);
      if (rows.length > 0) wake.notify("outbox");
    },
  };
}

interface RenewedRow {
  readonly worker_key: number;
  readonly drain_reason: string | null;
  readonly has_events: boolean;
}

function toBeatRow(one: WorkerBeat) {
  const { usage, counts } = one;
  return {
    worker_key: one.workerKey,
    session_number: one.sessionNumber,
    lease_ms: one.leaseMs,
    free_slots: one.freeSlots,
    status: one.status,
    status_reason: one.statusReason,
    cpu_percent: usage?.cpuPercent ?? null,
    memory_percent: usage?.memoryPercent ?? null,
    disk_percent: usage?.diskPercent ?? null,
    succeeded_count: counts.succeeded,
    failed_count: counts.failed,
    last_task_at: one.lastTaskAt,
    reserved_run_key: one.reservedFor?.runKey ?? null,
    reserved_ordinal: one.reservedFor?.ordinal ?? null,
    reserved_at: one.reservedFor?.reservedAt ?? null,
  };
}
