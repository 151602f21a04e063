import type { CreatedRun } from "#core/create-run.ts";
import type { NewRun } from "#ports/new-run.ts";
import { toEventRow } from "./event-row.ts";
import { newInstanceColumns, newInstanceRecord, newInstanceValues, toNewRow } from "./instance-columns.ts";

const scheduledGuard =
  "EXISTS (SELECT 1 FROM leases WHERE name = 'scheduler' AND epoch = $5::bigint AND expires_at > now())";

/**
 * A run, its instances, its events and its request as one statement: one round trip, all or nothing. No row comes back
 * when the date has a run (G8) or `$5` no longer leads; a request id that was used before violates its key.
 */
export const createRunText = `WITH run AS (
  INSERT INTO dag_runs (run_id, dag_key, dag_id, version_key, state, event_sequence, counts, logical_at, interval_start_at, interval_end_at,
    queued_at, timeout_at, run_type, triggered_by, external_trigger_id, note, parameters, warnings, traceparent, priority)
  SELECT r.run_id, r.dag_key, r.dag_id, r.version_key, r.state, r.event_sequence, r.counts, from_ms(r.logical_at), from_ms(r.interval_start_at),
    from_ms(r.interval_end_at), from_ms(r.queued_at), from_ms(r.timeout_at), r.run_type, r.triggered_by, r.external_trigger_id, r.note, r.parameters,
    r.warnings, r.traceparent, r.priority
  FROM json_to_record($1::json) AS r(run_id text, dag_key bigint, dag_id text, version_key bigint, state text, event_sequence bigint, counts jsonb,
    logical_at double precision, interval_start_at double precision, interval_end_at double precision, queued_at double precision, timeout_at double precision,
    run_type text, triggered_by text, external_trigger_id text, note text, parameters jsonb, warnings jsonb, traceparent text, priority integer)
  WHERE $5::bigint IS NULL OR ${scheduledGuard}
  ON CONFLICT (dag_key, logical_at) WHERE NOT is_archived DO NOTHING
  RETURNING run_key, run_id, dag_key
), instances AS (
  INSERT INTO task_instances (run_key, ordinal, ${newInstanceColumns}, dag_key, dag_priority)
  SELECT run.run_key, i.ordinal, ${newInstanceValues}, run.dag_key, i.dag_priority
  FROM run, json_to_recordset($2::json) AS i(ordinal integer, dag_priority integer, ${newInstanceRecord})
), event AS (
  INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, run_id, run_key, run_sequence, data)
  SELECT e.event_type, e.resource_type, e.resource_id, e.dag_id, e.run_id, run.run_key, e.run_sequence, e.data
  FROM run, json_to_recordset($3::json) AS e(event_type text, resource_type text, resource_id text, dag_id text, run_id text, run_sequence bigint, data jsonb)
  ORDER BY e.run_sequence
), request AS (
  INSERT INTO requests (caller, request_id, body_hash, run_id)
  SELECT q.caller, q.id, q.body_hash, run.run_id FROM run, json_to_record($4::json) AS q(caller text, id text, body_hash text) WHERE $4 IS NOT NULL
)
SELECT run_key FROM run`;

export function createRunValues(run: NewRun, created: CreatedRun): readonly (string | number | null)[] {
  const { aggregate } = created;
  const { plan } = aggregate;
  const row = {
    run_id: run.runId,
    dag_key: run.dagKey,
    dag_id: aggregate.run.dagId,
    version_key: run.versionKey,
    state: aggregate.run.state,
    event_sequence: aggregate.run.eventSequence,
    counts: aggregate.run.counts,
    logical_at: run.logicalAt,
    interval_start_at: run.intervalStartAt,
    interval_end_at: run.intervalEndAt,
    queued_at: aggregate.run.queuedAt,
    timeout_at: aggregate.run.timeoutAt,
    run_type: run.runType,
    triggered_by: run.triggeredBy,
    external_trigger_id: run.externalTriggerId,
    note: run.note,
    parameters: run.parameters,
    warnings: run.warnings,
    traceparent: run.traceparent,
    priority: plan.priority,
  };
  const instances = aggregate.instances.map((instance) => ({
    ...toNewRow(instance, plan),
    dag_priority: plan.priority,
  }));
  const events = created.events.map((event) => toEventRow(event, { instances: [], plan }, aggregate));
  const request =
    run.request === null
      ? null
      : JSON.stringify({ caller: run.request.caller, id: run.request.id, body_hash: run.request.bodyHash });
  return [JSON.stringify(row), JSON.stringify(instances), JSON.stringify(events), request, run.leaderEpoch];
}
