import type { SensorRow } from "#ports/sensor-store.ts";
import type { EndedRun, SensorEventView, SensorView } from "#ports/sensor-views.ts";

export interface SensorRecord {
  readonly sensor_key: number;
  readonly dag_key: number;
  readonly dag_id: string;
  readonly version_key: number;
  readonly sensor_id: string;
  readonly definition: unknown;
  readonly state_version: number;
  readonly has_baseline: boolean;
  readonly factor: number;
  readonly quiet_count: number;
  readonly failure_count: number;
}

export interface SensorViewRecord
  extends Pick<SensorRecord, "sensor_key" | "dag_id" | "sensor_id" | "definition" | "has_baseline" | "factor"> {
  readonly is_paused: boolean;
  readonly is_dag_paused: boolean;
  readonly last_polled_at: number | null;
  readonly next_at: number;
  readonly last_event_at: number | null;
  readonly error: string | null;
  readonly error_since: number | null;
  readonly item_count: number;
}

export interface SensorEventRecord {
  readonly event_key: number;
  readonly subject: string;
  readonly data: SensorEventView["data"];
  readonly run_id: string | null;
  readonly reason: string;
  readonly created_at: number;
}

export interface EndedRunRecord {
  readonly run_id: string;
  readonly state: EndedRun["state"];
  readonly logical_at: number;
  readonly ended_at: number;
}

export function fromSensorRecord(record: SensorRecord): SensorRow {
  return {
    sensorKey: record.sensor_key,
    dagKey: record.dag_key,
    dagId: record.dag_id,
    versionKey: record.version_key,
    sensorId: record.sensor_id,
    definition: record.definition,
    stateVersion: record.state_version,
    hasBaseline: record.has_baseline,
    factor: record.factor,
    quietCount: record.quiet_count,
    failureCount: record.failure_count,
  };
}

export function fromSensorViewRecord(record: SensorViewRecord): SensorView {
  return {
    sensorKey: record.sensor_key,
    dagId: record.dag_id,
    sensorId: record.sensor_id,
    definition: record.definition,
    hasBaseline: record.has_baseline,
    factor: record.factor,
    isPaused: record.is_paused,
    isDagPaused: record.is_dag_paused,
    lastPolledAt: record.last_polled_at,
    nextPollAt: record.next_at,
    lastEventAt: record.last_event_at,
    error: record.error ?? "",
    errorSince: record.error_since,
    itemCount: record.item_count,
  };
}

export function fromSensorEventRecord(record: SensorEventRecord): SensorEventView {
  return {
    eventKey: record.event_key,
    subject: record.subject,
    data: record.data,
    runId: record.run_id,
    reason: record.reason,
    createdAt: record.created_at,
  };
}

export function fromEndedRunRecord(record: EndedRunRecord): EndedRun {
  return { runId: record.run_id, state: record.state, logicalAt: record.logical_at, endedAt: record.ended_at };
}
