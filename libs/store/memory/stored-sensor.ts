import type { NewRun } from "#ports/new-run.ts";
import type { SensorEvent, StatePatch } from "#ports/sensor-firing.ts";
import type { SensorPace } from "#ports/sensor-store.ts";
import type { SensorEventView } from "#ports/sensor-views.ts";
import { sensorsOf } from "../sensor-rows.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredDag } from "./stored-definition.ts";

export interface StoredSensor {
  readonly sensorKey: number;
  readonly dag: StoredDag;
  readonly sensorId: string;
  definition: unknown;
  source: string;
  isPaused: boolean;
  hasBaseline: boolean;
  stateVersion: number;
  items: Map<string, unknown>;
  pace: SensorPace;
  nextAt: number;
  lastPolledAt: number | null;
  lastEventAt: number | null;
  error: string | null;
  errorSince: number | null;
  events: SensorEventView[];
}

const freshPace: SensorPace = { factor: 1, quietCount: 0, failureCount: 0 };

/** The sensors of a version that comes into force; those that it has no more go, with all that belongs to them. */
export function putSensors(state: MemoryState, dag: StoredDag, definition: unknown): void {
  const next = sensorsOf(definition);
  const known = new Map(
    [...state.sensors.values()].flatMap((each) => (each.dag === dag ? [[each.sensorId, each]] : [])),
  );
  for (const { id, source, definition: own } of next) {
    const sensor = known.get(id) ?? insertSensor(state, dag, { id, source });
    known.delete(id);
    if (sensor.source !== source) {
      Object.assign(sensor, { source, hasBaseline: false, items: new Map(), error: null, errorSince: null });
      sensor.stateVersion += 1;
    }
    Object.assign(sensor, { definition: own, nextAt: state.now(), pace: freshPace });
  }
  for (const { sensorKey } of known.values()) state.sensors.delete(sensorKey);
}

function insertSensor(
  state: MemoryState,
  dag: StoredDag,
  { id, source }: { id: string; source: string },
): StoredSensor {
  const sensor: StoredSensor = {
    sensorKey: state.nextKey(),
    dag,
    sensorId: id,
    definition: null,
    source,
    isPaused: false,
    hasBaseline: false,
    stateVersion: 0,
    items: new Map(),
    pace: freshPace,
    nextAt: state.now(),
    lastPolledAt: null,
    lastEventAt: null,
    error: null,
    errorSince: null,
    events: [],
  };
  state.sensors.set(sensor.sensorKey, sensor);
  return sensor;
}

/** Whether the state that the run's event follows from is still the sensor's. */
export function mayFire(state: MemoryState, { firing }: NewRun): boolean {
  if (firing === undefined) return true;
  const sensor = state.sensors.get(firing.sensorKey);
  return sensor !== undefined && sensor.hasBaseline && sensor.stateVersion === firing.stateVersion;
}

/** Writes the event of a run that has just been made. */
export function fireSensor(state: MemoryState, { firing, runId }: NewRun): void {
  const sensor = state.sensors.get(firing?.sensorKey ?? -1);
  if (firing === undefined || sensor === undefined) return;
  const { patch, event } = firing;
  applyPatch(sensor, patch);
  addEvent(state, sensor, { ...event, runId, reason: "" });
  const data = { sensor_id: sensor.sensorId, subject: event.subject, dag_run_id: runId };
  state.emit([{ ...aboutSensor(sensor), eventType: "sensor.event", data }]);
}

export function applyPatch(sensor: StoredSensor, { put, drop }: StatePatch): void {
  sensor.stateVersion += 1;
  for (const item of drop) sensor.items.delete(item);
  // As the database keeps them: values of their own.
  for (const [item, value] of put) sensor.items.set(item, structuredClone(value));
}

export function addEvent(
  state: MemoryState,
  sensor: StoredSensor,
  event: SensorEvent & { readonly runId: string | null; readonly reason: string },
): void {
  sensor.lastEventAt = state.now();
  sensor.events.push({ ...event, eventKey: state.nextKey(), createdAt: state.now() });
}

export function aboutSensor({ dag, sensorId }: StoredSensor) {
  return {
    resourceType: "sensor",
    resourceId: `${dag.dagId}/${sensorId}`,
    dagId: dag.dagId,
    dagRunId: null,
  } as const;
}
