import type { NewRun } from "#ports/new-run.ts";
import type { StatePatch } from "#ports/sensor-firing.ts";
import type { PollRecord, SensorStore } from "#ports/sensor-store.ts";
import type { SensorEventView, SensorView } from "#ports/sensor-views.ts";
import type { Wake } from "#ports/wake.ts";
import { sensorsOf } from "../sensor-rows.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";
import {
  type EndedRunRecord,
  fromEndedRunRecord,
  fromSensorEventRecord,
  fromSensorRecord,
  fromSensorViewRecord,
  type SensorEventRecord,
  type SensorRecord,
  type SensorViewRecord,
} from "./sensor-row.ts";
import { sensorStatements as sql } from "./sensor-statements.ts";

const sensorList = {
  columns: `s.sensor_key, d.dag_id, s.sensor_id, s.definition, s.has_baseline, s.factor, s.is_paused, d.is_paused AS is_dag_paused,
    s.last_polled_at, s.next_at, s.last_event_at, s.error, s.error_since,
    (SELECT count(*) FROM sensor_state i WHERE i.sensor_key = s.sensor_key) AS item_count`,
  from: "sensors s JOIN dags d ON d.dag_key = s.dag_key AND d.is_active",
  order: [
    { sql: "d.dag_id", type: "text", descending: false },
    { sql: "s.sensor_id", type: "text", descending: false },
  ],
  sorts: {},
  toItem: fromSensorViewRecord,
} satisfies Omit<ListQuery<SensorViewRecord, SensorView>, "conditions">;

const eventList = {
  columns: "e.event_key, e.subject, e.data, e.run_id, e.reason, e.created_at",
  from: "sensor_events e JOIN sensors s USING (sensor_key) JOIN dags d USING (dag_key)",
  order: [{ sql: "e.event_key", type: "bigint", descending: true }],
  sorts: {},
  toItem: fromSensorEventRecord,
} satisfies Omit<ListQuery<SensorEventRecord, SensorEventView>, "conditions">;

/** Sensors in PostgreSQL. */
export function createSensorRepository({ database, wake }: { database: Database; wake: Wake }): SensorStore {
  return {
    list(page, { dagId, type, hasError }) {
      const conditions = [
        ...(dagId === null ? [] : [{ sql: "d.dag_id = ?", value: dagId }]),
        ...(type === null ? [] : [{ sql: "s.definition->>'type' = ?", value: type }]),
        ...(hasError === null ? [] : [{ sql: "(s.error IS NOT NULL) = ?", value: hasError }]),
      ];
      return readPage(database, page, { ...sensorList, conditions });
    },
    async get(dagId, sensorId) {
      const conditions = [
        { sql: "d.dag_id = ?", value: dagId },
        { sql: "s.sensor_id = ?", value: sensorId },
      ];
      const { items } = await readPage(database, { limit: 1, cursor: null, sort: null }, { ...sensorList, conditions });
      return items[0] ?? null;
    },
    listEvents(page, { dagId, sensorId }) {
      const conditions = [
        { sql: "d.dag_id = ?", value: dagId },
        { sql: "s.sensor_id = ?", value: sensorId },
      ];
      return readPage(database, page, { ...eventList, conditions });
    },
    async setPaused(dagId, sensorId, isPaused) {
      const changed = await database.query(sql.setPaused, [dagId, sensorId, isPaused]);
      wake.notify("sensors");
      return changed.length > 0;
    },
    async requestPoll(dagId, sensorId) {
      const changed = await database.query(sql.requestPoll, [dagId, sensorId]);
      wake.notify("sensors");
      return changed.length > 0;
    },
    async listDue({ limit, without }) {
      return (await database.query<SensorRecord>(sql.listDue, [without.keys, without.types, limit])).map(
        fromSensorRecord,
      );
    },
    async nextDueInMs({ keys, types }) {
      const [row] = await database.query<{ ms: number | null }>(sql.nextDue, [keys, types]);
      return row?.ms === null || row?.ms === undefined ? null : Math.max(0, row.ms);
    },
    async readState(sensorKey) {
      const [row] = await database.query<{ state_version: number; items: Record<string, unknown> }>(sql.readState, [
        sensorKey,
      ]);
      return row === undefined ? null : { stateVersion: row.state_version, items: new Map(Object.entries(row.items)) };
    },
    async record(poll, epoch) {
      const [row] = await database.query<{ is_written: boolean; has_failed: boolean }>(
        sql.record,
        recordValues(poll, epoch),
      );
      if (row?.has_failed === true) wake.notify("outbox");
      return row?.is_written === true;
    },
    async listEndedRuns({ sensorKey, dagId, states, from, to, limit }) {
      const values = [sensorKey, dagId, states, from, to, limit];
      return (await database.query<EndedRunRecord>(sql.listEndedRuns, values)).map(fromEndedRunRecord);
    },
    async dropEvents({ before, limit }) {
      return (await database.query(sql.dropEvents, [before, limit])).length;
    },
  };
}

/** Writes the sensors of a version that comes into force. */
export function putSensors(transaction: Transaction, dagKey: number, definition: unknown): void {
  void transaction.query(sql.put, [dagKey, JSON.stringify(sensorsOf(definition))]);
}

/** Writes the event of a run in the run's own transaction; false: it follows from a state that is gone. */
export async function fireSensor(transaction: Queryable, { runId, firing }: NewRun): Promise<boolean> {
  if (firing === undefined) return true;
  const { sensorKey, stateVersion, patch, event } = firing;
  const { subject, data } = event;
  const values = [sensorKey, runId, ...patchValues(patch), stateVersion, subject, JSON.stringify(data)];
  return (await transaction.query(sql.fire, values)).length > 0;
}

function recordValues(poll: PollRecord, epoch: number): readonly unknown[] {
  const { patch, pace, events } = poll;
  return [
    poll.sensorKey,
    epoch,
    ...patchValues(patch ?? { put: new Map(), drop: [] }),
    poll.stateVersion,
    patch !== null,
    poll.startedAt,
    poll.nextAt,
    pace.factor,
    pace.quietCount,
    pace.failureCount,
    poll.error,
    events.length === 0 ? null : JSON.stringify(events),
  ];
}

function patchValues({ put, drop }: StatePatch): readonly unknown[] {
  return [JSON.stringify([...put].map(([item, value]) => ({ item, value }))), drop];
}
