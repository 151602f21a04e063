import type { CreatedRun } from "#core/create-run.ts";
import { needsOfRun, ofRun } from "#core/limits.ts";
import type { NewRun } from "#ports/new-run.ts";
import { toEventRow } from "./event-row.ts";
import { newInstanceColumns, newInstanceRecord, newInstanceValues, toNewRow } from "./instance-columns.ts";
import { newRunRoomParts } from "./slot-statement.ts";

const scheduledGuard =
  "EXISTS (SELECT 1 FROM leases WHERE name = 'scheduler' AND epoch = $5::bigint AND expires_at > now())";

/** Runs of the same key, or of none, are admitted in their order: while one waits no later one goes first. */
const isNext = `NOT EXISTS (SELECT 1 FROM dag_runs w WHERE w.dag_key = r.dag_key AND NOT w.is_admitted AND w.ended_at IS NULL AND NOT w.is_paused
    AND w.concurrency_key IS NOT DISTINCT FROM r.concurrency_key)`;

/**
 * A run, its instances, its events, its request and its room in its limits as one statement: one round trip, all or
 * nothing. `run_key` is null when the date has a run (G8), `$5` no longer leads, or `has_room` is false: `$6` has what it
 * needs, nothing if it is to wait. A request id that was used before violates its key.
 */
export const createRunText = `WITH ${newRunRoomParts.join(", ")}, new AS MATERIALIZED (
  SELECT r.*, (SELECT is_there FROM room) AND ((SELECT count(*) FROM need) = 0 OR ${isNext}) AS has_room
  FROM json_to_record($1::json) AS r(run_id text, dag_key bigint, dag_id text, version_key bigint, state text, event_sequence bigint, counts jsonb,
    logical_at double precision, interval_start_at double precision, interval_end_at double precision, queued_at double precision, timeout_at double precision,
    deadline_at double precision, run_type text, triggered_by text, external_trigger_id text, note text, parameters jsonb, warnings jsonb, traceparent text,
    priority integer, priority_offset integer, is_admitted boolean, concurrency_key text, needs jsonb, max_active_tasks integer)
), run AS (
  INSERT INTO dag_runs (run_id, dag_key, dag_id, version_key, state, event_sequence, counts, logical_at, interval_start_at, interval_end_at,
    queued_at, timeout_at, deadline_at, run_type, triggered_by, external_trigger_id, note, parameters, warnings, traceparent, priority, priority_offset,
    is_admitted, concurrency_key, needs, max_active_tasks)
  SELECT r.run_id, r.dag_key, r.dag_id, r.version_key, r.state, r.event_sequence, r.counts, from_ms(r.logical_at), from_ms(r.interval_start_at),
    from_ms(r.interval_end_at), from_ms(r.queued_at), from_ms(r.timeout_at), from_ms(r.deadline_at), r.run_type, r.triggered_by, r.external_trigger_id, r.note, r.parameters,
    r.warnings, r.traceparent, r.priority, r.priority_offset, r.is_admitted, r.concurrency_key, r.needs, r.max_active_tasks
  FROM new r WHERE r.has_room AND ($5::bigint IS NULL OR ${scheduledGuard})
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
), taken AS (
  UPDATE slot_rows s SET run_key = run.run_key, ordinal = ${ofRun}, taken_at = now() FROM run, slot
  WHERE s.limit_name = slot.limit_name AND s.number = slot.number
)
SELECT (SELECT run_key FROM run) AS run_key, has_room FROM new`;

export function createRunValues(run: NewRun, created: CreatedRun): readonly (string | number | null)[] {
  const { aggregate } = created;
  const { plan } = aggregate;
  const { priorityOffset = 0 } = run;
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
    deadline_at: aggregate.run.deadlineAt,
    run_type: run.runType,
    triggered_by: run.triggeredBy,
    external_trigger_id: run.externalTriggerId,
    note: run.note,
    parameters: run.parameters,
    warnings: run.warnings,
    traceparent: run.traceparent,
    priority: plan.priority,
    priority_offset: priorityOffset,
    is_admitted: aggregate.run.isAdmitted,
    concurrency_key: run.concurrencyKey,
    needs: needsOfRun(plan, aggregate.run),
    max_active_tasks: plan.maxActiveTasks,
  };
  const instances = aggregate.instances.map((instance) => ({
    ...toNewRow(instance, plan),
    dag_priority: plan.priority + priorityOffset,
  }));
  const events = created.events.map((event) => toEventRow(event, { instances: [], plan }, aggregate));
  const needs = created.slotsTaken.map(({ limit, size }) => ({ limit_name: limit, size }));
  const request =
    run.request === null
      ? null
      : JSON.stringify({ caller: run.request.caller, id: run.request.id, body_hash: run.request.bodyHash });
  return [
    JSON.stringify(row),
    JSON.stringify(instances),
    JSON.stringify(events),
    request,
    run.leaderEpoch,
    JSON.stringify(needs),
  ];
}
