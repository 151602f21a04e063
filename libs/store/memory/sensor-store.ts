import type { LeftOutSensors, PollRecord, SensorRow, SensorStore } from "#ports/sensor-store.ts";
import type { EndedRun, SensorEventView, SensorView } from "#ports/sensor-views.ts";
import { activeVersion } from "./schedules.ts";
import type { MemoryState } from "./memory-state.ts";
import { pageOf } from "./page.ts";
import { aboutSensor, addEvent, applyPatch, type StoredSensor } from "./stored-sensor.ts";

const sensorList = {
  order: [
    { value: (view: SensorView) => view.dagId, descending: false },
    { value: (view: SensorView) => view.sensorId, descending: false },
  ],
  sorts: {},
};
const eventList = { order: [{ value: (event: SensorEventView) => event.eventKey, descending: true }], sorts: {} };

/** Sensors in memory. */
export function createMemorySensors(state: MemoryState): SensorStore {
  const all = (): readonly StoredSensor[] => [...state.sensors.values()];
  const find = (dagId: string, sensorId: string): StoredSensor | undefined =>
    all().find(({ dag, sensorId: id }) => dag.isActive && dag.dagId === dagId && id === sensorId);
  const polled = ({ keys, types }: LeftOutSensors): readonly StoredSensor[] =>
    all().filter(({ sensorKey, isPaused, dag, definition }) => {
      const rests = isPaused || !dag.isActive || dag.isPaused || dag.activeVersionKey === null;
      return !rests && !keys.includes(sensorKey) && !types.includes(String(typeOf(definition)));
    });
  const change = (sensor: StoredSensor | undefined, changes: Partial<StoredSensor>): boolean => {
    if (sensor !== undefined) Object.assign(sensor, changes);
    state.wake.notify("sensors");
    return sensor !== undefined;
  };
  return {
    async list(page, filter) {
      const views = all().flatMap((sensor) => (sensor.dag.isActive ? [toView(sensor)] : []));
      const found = views.filter(
        (view) =>
          (filter.dagId === null || view.dagId === filter.dagId) &&
          (filter.type === null || typeOf(view.definition) === filter.type) &&
          (filter.hasError === null || (view.error !== "") === filter.hasError),
      );
      return pageOf(found, page, sensorList);
    },
    async get(dagId, sensorId) {
      const found = find(dagId, sensorId);
      return found === undefined ? null : toView(found);
    },
    async listEvents(page, { dagId, sensorId }) {
      return pageOf(find(dagId, sensorId)?.events ?? [], page, eventList);
    },
    setPaused: async (dagId, sensorId, isPaused) =>
      change(find(dagId, sensorId), isPaused ? { isPaused } : { isPaused, nextAt: state.now() }),
    requestPoll: async (dagId, sensorId) => change(find(dagId, sensorId), { nextAt: state.now() }),
    async listDue({ limit, without }) {
      const due = polled(without).filter(({ nextAt }) => nextAt <= state.now());
      const ordered = due.toSorted((a, b) => a.nextAt - b.nextAt || a.sensorKey - b.sensorKey);
      return ordered.slice(0, limit).map((sensor) => toRow(state, sensor));
    },
    async nextDueInMs(without) {
      const times = polled(without).map(({ nextAt }) => nextAt);
      return times.length === 0 ? null : Math.max(0, Math.min(...times) - state.now());
    },
    async readState(sensorKey) {
      const sensor = state.sensors.get(sensorKey);
      return sensor === undefined ? null : { stateVersion: sensor.stateVersion, items: new Map(sensor.items) };
    },
    record: async (poll, epoch) => record(state, poll, epoch),
    listEndedRuns: async (options) => listEndedRuns(state, options),
    async dropEvents({ before, limit }) {
      let dropped = 0;
      for (const sensor of all()) {
        const old = sensor.events.filter(({ createdAt }) => createdAt < before).slice(0, limit - dropped);
        dropped += old.length;
        sensor.events = sensor.events.filter((event) => !old.includes(event));
      }
      return dropped;
    },
  };
}

function record(state: MemoryState, poll: PollRecord, epoch: number): boolean {
  const sensor = state.sensors.get(poll.sensorKey);
  const isCurrent = sensor !== undefined && sensor.stateVersion === poll.stateVersion;
  if (!isCurrent || !state.leads("scheduler", epoch)) return false;
  const { patch, events, error, nextAt, startedAt, pace } = poll;
  if (error !== null && sensor.error === null) {
    const data = { sensor_id: sensor.sensorId, error };
    state.emit([{ ...aboutSensor(sensor), eventType: "sensor.failed", data }]);
  }
  if (patch !== null) applyPatch(sensor, patch);
  for (const { reason, ...event } of events) addEvent(state, sensor, { ...event, runId: null, reason });
  Object.assign(sensor, {
    lastPolledAt: state.now(),
    hasBaseline: sensor.hasBaseline || patch !== null,
    nextAt: sensor.nextAt > startedAt ? sensor.nextAt : nextAt,
    pace,
    error,
    errorSince: error === null ? null : (sensor.errorSince ?? state.now()),
  });
  return true;
}

function listEndedRuns(
  state: MemoryState,
  { sensorKey, dagId, states, from, to, limit }: Parameters<SensorStore["listEndedRuns"]>[0],
): readonly EndedRun[] {
  const seen = new Set(state.sensors.get(sensorKey)?.events.map(({ subject }) => subject));
  const ended = [...state.runs.values()].flatMap(({ row }) => {
    const { runId, dagId: own, endedAt, logicalAt, isArchived } = row;
    const isIn = endedAt !== null && endedAt >= from && endedAt <= to && states.includes(row.state);
    if (!isIn || own !== dagId || isArchived || seen.has(runId)) return [];
    return [{ runKey: row.runKey, run: { runId, state: row.state, logicalAt, endedAt } }];
  });
  const ordered = ended.toSorted((a, b) => a.run.endedAt - b.run.endedAt || a.runKey - b.runKey);
  return ordered.slice(0, limit).map(({ run }) => run);
}

function toRow(state: MemoryState, sensor: StoredSensor): SensorRow {
  const { sensorKey, dag, sensorId, definition, stateVersion, hasBaseline, pace } = sensor;
  const versionKey = activeVersion(state, dag)?.versionKey ?? 0;
  return {
    sensorKey,
    dagKey: dag.dagKey,
    dagId: dag.dagId,
    versionKey,
    sensorId,
    definition,
    stateVersion,
    hasBaseline,
    ...pace,
  };
}

function toView(sensor: StoredSensor): SensorView {
  const { sensorKey, dag, sensorId, definition, hasBaseline, pace, items, error, errorSince } = sensor;
  const { isPaused, lastPolledAt, lastEventAt, nextAt: nextPollAt } = sensor;
  return {
    ...{
      sensorKey,
      dagId: dag.dagId,
      sensorId,
      definition,
      hasBaseline,
      factor: pace.factor,
      isPaused,
      isDagPaused: dag.isPaused,
    },
    ...{ lastPolledAt, nextPollAt, lastEventAt, error: error ?? "", errorSince, itemCount: items.size },
  };
}

function typeOf(definition: unknown): unknown {
  return typeof definition === "object" && definition !== null && "type" in definition ? definition.type : null;
}
